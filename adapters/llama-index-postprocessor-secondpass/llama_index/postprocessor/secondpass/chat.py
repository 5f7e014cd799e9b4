"""The user's own LlamaIndex LLM as a judge."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole
from llama_index.core.llms import LLM, CustomLLM

import secondpass as sp


class LlamaIndexChat:
    """A LlamaIndex `LLM` as secondpass's `Chat`: its messages in, what it said out.

    LLMs differ in the options that they take, so none is passed: set `max_tokens`, `temperature`,
    `logprobs` where you make the LLM. Log-probabilities are used where it gives them. A `CustomLLM`
    without an `achat` of its own would block the event loop, so it is asked in a worker thread,
    one call at a time.

    Raises:
        Exception: (when asked) whatever the LLM raises.
    """

    def __init__(self, llm: LLM) -> None:
        self._llm, self._alone = llm, threading.Lock()
        models = (getattr(llm, name, None) for name in ("model", "model_name"))
        model = next((m for m in models if m and isinstance(m, str)), None)
        self.name = type(llm).__name__ + (f":{model}" if model else "")

    def __repr__(self) -> str:
        return f"LlamaIndexChat({self.name})"

    def __reduce__(self) -> tuple[type[LlamaIndexChat], tuple[LLM]]:
        return type(self), (self._llm,)

    @property
    def llm(self) -> LLM:
        """Not for reading: a recipe would write the LLM, and its key, to a file.

        Raises:
            RecipeError: Always.
        """
        raise sp.RecipeError(
            f"a recipe cannot hold your LLM {self.name!r}, an object with keys and connections; "
            "pass it as model= again where you load the rest, or use a model string 'judge:MODEL'"
        )

    async def complete(
        self,
        messages: Sequence[Mapping[str, str]],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int,
        top_logprobs: int | None = None,
    ) -> sp.judge.Completion:
        """Ask once; see `secondpass.judge.Chat`."""
        asked = [ChatMessage(role=MessageRole(m["role"]), content=m["content"]) for m in messages]
        if inspect.unwrap(type(self._llm).achat) is inspect.unwrap(CustomLLM.achat):
            return _completion(await asyncio.to_thread(self._chat, asked))
        return _completion(await self._llm.achat(asked))

    def _chat(self, asked: list[ChatMessage]) -> ChatResponse:
        with self._alone:  # local models may not be asked twice at once
            return self._llm.chat(asked)


def as_stage(model: Any) -> sp.Stage:
    """`secondpass.as_stage`, and an LLM as a listwise judge."""
    if isinstance(model, LLM):
        model = sp.ChatJudge(LlamaIndexChat(model), structured=False)  # no schema gets through
    return sp.as_stage(model)


def _completion(response: ChatResponse) -> sp.judge.Completion:
    raw, message = response.raw, response.message
    choice = (_field(raw, "choices") or [raw])[0]
    ended = _first((choice, raw), ("finish_reason", "stop_reason", "done_reason"))
    usages = (_field(raw, "usage"), _field(raw, "usage_metadata"), response.additional_kwargs)
    read = _first(usages, ("prompt_tokens", "input_tokens", "prompt_token_count"))
    written = _first(usages, ("completion_tokens", "output_tokens", "candidates_token_count"))
    refusal = _first((message.additional_kwargs, _field(choice, "message")), ("refusal",))
    return sp.judge.Completion(
        message.content or "",
        read if isinstance(read, int) else None,
        written if isinstance(written, int) else None,
        _ENDS.get(str(ended).lower(), str(ended)) if ended else None,
        tuple(_token(top) for top in response.logprobs if top) if response.logprobs else None,
        refusal if isinstance(refusal, str) else None,
    )


_ENDS = {"max_tokens": "length", "refusal": "content_filter", "safety": "content_filter"}


def _token(top: Sequence[Any]) -> sp.judge.TokenLogprob:
    """LlamaIndex keeps the likeliest tokens only; the likeliest stands for the written one."""
    likeliest = max(top, key=lambda one: float(one.logprob))
    alternatives = tuple((one.token, one.logprob) for one in top)
    return sp.judge.TokenLogprob(likeliest.token, likeliest.logprob, alternatives)


def _first(holders: Sequence[Any], names: Sequence[str]) -> Any:
    """The first value that says something; servers that do not count say 0."""
    return next((v for h in holders for name in names if (v := _field(h, name))), None)


def _field(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)
