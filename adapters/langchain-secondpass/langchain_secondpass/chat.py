"""The user's own LangChain chat model as a judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, convert_to_messages

from secondpass.judge import Completion, TokenLogprob
from secondpass.judge.chat.framework_chat import chat_name, finish_reason, not_in_recipes


class LangChainChat:
    """A `BaseChatModel` as secondpass's `Chat`: its messages in, its answer out.

    Chat models differ in the options that they take, so none is passed: set `max_tokens`,
    `temperature`, `logprobs` where you make the model. Log-probabilities are used where it gives
    them. Its runs are children of the reranking run in traces.

    Raises:
        Exception: (when asked) whatever the model raises.
    """

    def __init__(self, model: BaseChatModel) -> None:
        self._model = model
        self.name = chat_name(model, ("model_name", "model", "model_id"))

    def __repr__(self) -> str:
        return f"LangChainChat({self.name})"

    @property
    def model(self) -> BaseChatModel:
        """Not for reading: a recipe would write the model, and its key, to a file.

        Raises:
            RecipeError: Always.
        """
        raise not_in_recipes("chat model", self.name)

    async def complete(
        self,
        messages: Sequence[Mapping[str, str]],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int,
        top_logprobs: int | None = None,
    ) -> Completion:
        """Ask once; see `secondpass.judge.Chat`."""
        answer = await self._model.ainvoke(convert_to_messages([dict(m) for m in messages]))
        return _completion(answer)


def _completion(answer: AIMessage) -> Completion:
    metadata, usage = answer.response_metadata, answer.usage_metadata
    refusal = answer.additional_kwargs.get("refusal")
    return Completion(
        text=str(answer.text),
        # servers that do not count say 0
        prompt_tokens=usage["input_tokens"] or None if usage else None,
        completion_tokens=usage["output_tokens"] or None if usage else None,
        finish_reason=finish_reason([metadata]),
        logprobs=_tokens(metadata.get("logprobs")),
        refusal=refusal if isinstance(refusal, str) else None,
    )


def _tokens(logprobs: Any) -> tuple[TokenLogprob, ...] | None:
    """OpenAI's form, which most integrations pass on; None for any other."""
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    try:
        return tuple(_token(one) for one in content) if content else None
    except (KeyError, TypeError, AttributeError):
        return None


def _token(one: Mapping[str, Any]) -> TokenLogprob:
    top = tuple((t["token"], t["logprob"]) for t in one.get("top_logprobs") or ())
    return TokenLogprob(one["token"], one["logprob"], top)
