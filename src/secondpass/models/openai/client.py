"""Chat models behind any OpenAI-compatible endpoint, and judges made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from secondpass.core.errors import InvalidInputError, MissingExtraError
from secondpass.core.tokens import Counter
from secondpass.judge.chat.chat_judge import ChatJudge, Rating
from secondpass.judge.chat.prompts import Prompts
from secondpass.judge.chat.protocol import AnswerSchema, Completion, Message

try:
    import openai
except ImportError as error:
    raise MissingExtraError("the judge: backend", "judge") from error

from secondpass.models.client_per_loop import ClientPerLoop
from secondpass.models.network import check_attempts
from secondpass.models.openai.errors import Secret, chat_error_from, check_url
from secondpass.models.openai.http import new_client
from secondpass.models.openai.reply import completion_of


class OpenAIChat:
    """A chat model of OpenAI, Azure (its v1 endpoint), vLLM, llama.cpp, Ollama, a gateway, ...

    Failed attempts (no connection, timeout, 408, 409, 429, 5xx, an answer that is not a chat
    completion) are repeated with growing pauses, or after the pause that the server asks for, up to
    two minutes; a 400, 401 or 403 never is. So after at most ``(max_retries + 1) * (timeout + 8)``
    seconds it gives up on a server that hangs, or sends its answer very slowly. Redirects are not
    followed, and an answer of more than 16 MiB is not read.

    Args:
        model: The server's name for it.
        base_url: Usually ends in ``/v1``. None: OPENAI_BASE_URL, or OpenAI itself.
        api_key: None: the current OPENAI_API_KEY, if base_url is None or the same as
            OPENAI_BASE_URL, so that no recipe can send it elsewhere; other servers get none.
            It is kept out of the repr, of recipes, pickles, logs and errors. OPENAI_ORG_ID,
            OPENAI_PROJECT_ID and OPENAI_CUSTOM_HEADERS go where the environment's key goes.
        timeout: Seconds for one attempt, from connecting to the last byte of the answer.
        max_retries: The number of further attempts.
        temperature: Randomness of the answers; None leaves it to the server.

    Raises:
        InvalidInputError: A base_url that is not an http address or holds a password.
        MissingExtraError: openai is not installed.
        ChatError: (when asked) the server cannot be reached, or rejects the request; the message
            has the remedy.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout: float = 60.0,
        max_retries: int = 4,
        temperature: float | None = 0.0,
    ) -> None:
        if not model:
            raise InvalidInputError("a chat model needs a name, such as 'gpt-4o-mini'")
        check_attempts(timeout, max_retries)
        self.model, self.base_url = model, check_url(base_url)
        self.timeout, self.max_retries, self.temperature = timeout, max_retries, temperature
        self.name = model
        self._key = Secret(api_key)
        self._limit_option = "max_tokens" if base_url else "max_completion_tokens"
        self._rejected: set[str] = set()
        self._clients = ClientPerLoop[openai.AsyncOpenAI]()

    def __repr__(self) -> str:
        where = f", base_url={self.base_url!r}" if self.base_url else ""
        return f"OpenAIChat({self.model!r}{where})"

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        schema: AnswerSchema | None = None,
        max_tokens: int,
        top_logprobs: int | None = None,
    ) -> Completion:
        """Ask once; see `Chat`.

        Raises:
            ChatError: The server cannot be reached, or rejects the request.
        """
        while True:
            body = self._body(messages, schema, max_tokens, top_logprobs)
            try:
                client = await self._clients.get(self._new_client)
                raw = await client.chat.completions.with_raw_response.create(**body)
                return completion_of(raw.http_response.content, raw.retries_taken)
            except openai.OpenAIError as error:
                if not self._adapt(error):
                    # from None: what openai raised holds the request, and so the key
                    raise chat_error_from(
                        error, model=self.model, base_url=self.base_url, key=self._key
                    ) from None

    async def aclose(self) -> None:
        """Close this event loop's connections. They are closed with the loop too."""
        await self._clients.close()

    def _new_client(self) -> openai.AsyncOpenAI:
        key, own = self._key.reveal(self.base_url), self._key.is_own(self.base_url)
        if key is None and self.base_url is not None:
            key = "none"  # local servers need no key, but the protocol has the header
        return new_client(
            key, self.base_url, own=own, timeout=self.timeout, max_retries=self.max_retries
        )

    def _body(
        self,
        messages: Sequence[Message],
        schema: AnswerSchema | None,
        max_tokens: int,
        top_logprobs: int | None,
    ) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.model, "messages": [dict(m) for m in messages]}
        body[self._limit_option] = max_tokens
        if self.temperature is not None and "temperature" not in self._rejected:
            body["temperature"] = self.temperature
        if top_logprobs is not None:
            body |= {"logprobs": True, "top_logprobs": top_logprobs}
        if schema is not None:
            untitled = {key: value for key, value in schema.items() if key != "title"}
            named = {"name": schema.get("title", "answer"), "strict": True, "schema": untitled}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        return body

    def _adapt(self, error: openai.OpenAIError) -> bool:
        """Whether the server rejected an option that has an alternative; each only once."""
        if getattr(error, "status_code", None) not in (400, 422):
            return False
        message, limit = str(error).lower(), self._limit_option
        option = next((name for name in (limit, "temperature") if name in message), None)
        if option is None or option in self._rejected:
            return False
        self._rejected.add(option)
        other = "max_tokens" if limit == "max_completion_tokens" else "max_completion_tokens"
        if option == limit and other not in self._rejected:
            self._limit_option = other
        return True


def judge(
    name: str,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    timeout: float = 60.0,
    max_retries: int = 4,
    temperature: float | None = 0.0,
    prompts: Prompts | None = None,
    rating: Rating = "yes-no",
    structured: bool = True,
    repairs: int = 1,
    floor: float = 0.8,
    passage_tokens: int = 400,
    thinking_tokens: int = 0,
    count_tokens: Counter | None = None,
    seed: int | None = None,
) -> ChatJudge:
    """The judge of the model string ``judge:NAME``; see `OpenAIChat` and `ChatJudge`."""
    chat = OpenAIChat(
        name, base_url=base_url, api_key=api_key, timeout=timeout, max_retries=max_retries,
        temperature=temperature,
    )  # fmt: skip
    return ChatJudge(
        chat, prompts=prompts, rating=rating, structured=structured, repairs=repairs, floor=floor,
        passage_tokens=passage_tokens, thinking_tokens=thinking_tokens, count_tokens=count_tokens,
        seed=seed,
    )  # fmt: skip
