"""The user's own LangChain chat model as a judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import convert_to_messages

import secondpass as sp


class LangChainChat:
    """A `BaseChatModel` as secondpass's `Chat`: its messages in, its text out.

    Chat models differ in the options that they take, so none is passed: answers are read as text,
    and a schema or log-probabilities are done without. What the model raises comes through as it
    is. Its runs are children of the reranking run in traces.

    It is kept under a private name, so that no recipe writes the model, and its key, to a file.
    """

    def __init__(self, model: BaseChatModel) -> None:
        self._model = model
        named = getattr(model, "model_name", None) or getattr(model, "model", None)
        self.name = str(named or type(model).__name__)

    async def complete(
        self,
        messages: Sequence[Mapping[str, str]],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int,
        top_logprobs: int | None = None,
    ) -> sp.Completion:
        """Ask once; see `secondpass.Chat`."""
        answer = await self._model.ainvoke(convert_to_messages([dict(m) for m in messages]))
        usage = answer.usage_metadata
        return sp.Completion(
            str(answer.text),
            prompt_tokens=usage["input_tokens"] if usage else None,
            completion_tokens=usage["output_tokens"] if usage else None,
            finish_reason=answer.response_metadata.get("finish_reason"),
        )


def as_stage(model: Any) -> sp.Stage:
    """`secondpass.as_stage`, and a chat model as a listwise judge."""
    if isinstance(model, BaseChatModel):
        return sp.Order(sp.ChatJudge(LangChainChat(model)))
    return sp.as_stage(model)
