"""The user's own LangChain chat model as a judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, convert_to_messages

import secondpass as sp


class LangChainChat:
    """A `BaseChatModel` as secondpass's `Chat`: its messages in, what it said out.

    Chat models differ in the options that they take, so none is passed: set `max_tokens`,
    `temperature`, `logprobs` where you make the model. Log-probabilities are used where it gives
    them. Its runs are children of the reranking run in traces.

    Raises:
        Exception: (when asked) whatever the model raises.
    """

    def __init__(self, model: BaseChatModel) -> None:
        self._model = model
        named = (getattr(model, n, None) for n in ("model_name", "model", "model_id"))
        name = next((m for m in named if m and isinstance(m, str)), None)
        self.name = type(model).__name__ + (f":{name}" if name else "")

    def __repr__(self) -> str:
        return f"LangChainChat({self.name})"

    @property
    def model(self) -> BaseChatModel:
        """Not for reading: a recipe would write the model, and its key, to a file.

        Raises:
            RecipeError: Always.
        """
        raise sp.RecipeError(
            f"a recipe cannot hold your chat model {self.name!r}, an object with keys and "
            "connections; pass it as model= again where you load the rest, or use a model string "
            "'judge:MODEL'"
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
        answer = await self._model.ainvoke(convert_to_messages([dict(m) for m in messages]))
        return _completion(answer)


def as_stage(model: Any) -> sp.Stage:
    """`secondpass.as_stage`, and a chat model as a listwise judge."""
    if isinstance(model, BaseChatModel):
        model = sp.ChatJudge(LangChainChat(model), structured=False)  # no schema gets through
    return sp.as_stage(model)


def _completion(answer: AIMessage) -> sp.judge.Completion:
    said, usage = answer.response_metadata, answer.usage_metadata
    ends = (said.get(key) for key in ("finish_reason", "stop_reason", "done_reason", "stopReason"))
    ended = next((str(end) for end in ends if end), None)
    refusal = answer.additional_kwargs.get("refusal")
    return sp.judge.Completion(
        str(answer.text),
        usage["input_tokens"] or None if usage else None,  # servers that do not count say 0
        usage["output_tokens"] or None if usage else None,
        _ENDS.get(ended.lower(), ended) if ended else None,
        _tokens(said.get("logprobs")),
        refusal if isinstance(refusal, str) else None,
    )


_ENDS = {"max_tokens": "length", "refusal": "content_filter", "safety": "content_filter"}


def _tokens(logprobs: Any) -> tuple[sp.judge.TokenLogprob, ...] | None:
    """OpenAI's form, which most integrations pass on; None for any other."""
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    try:
        return tuple(_token(one) for one in content) if content else None
    except (KeyError, TypeError, AttributeError):
        return None


def _token(one: Mapping[str, Any]) -> sp.judge.TokenLogprob:
    top = tuple((t["token"], t["logprob"]) for t in one.get("top_logprobs") or ())
    return sp.judge.TokenLogprob(one["token"], one["logprob"], top)
