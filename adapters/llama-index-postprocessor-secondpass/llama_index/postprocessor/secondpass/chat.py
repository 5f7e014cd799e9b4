"""The user's own LlamaIndex LLM as a judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.llms import LLM

import secondpass as sp


class LlamaIndexChat:
    """A LlamaIndex `LLM` as secondpass's `Chat`: its messages in, its text out.

    LLMs differ in the options that they take, so none is passed: answers are read as text, and a
    schema or log-probabilities are done without. What the LLM raises comes through as it is.

    It is kept under a private name, so that no recipe writes the LLM, and its key, to a file.
    """

    def __init__(self, llm: LLM) -> None:
        self._llm = llm
        self.name = llm.metadata.model_name or llm.class_name()

    async def complete(
        self,
        messages: Sequence[Mapping[str, str]],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int,
        top_logprobs: int | None = None,
    ) -> sp.Completion:
        """Ask once; see `secondpass.Chat`."""
        asked = [ChatMessage(role=MessageRole(m["role"]), content=m["content"]) for m in messages]
        response = await self._llm.achat(asked)
        usage = response.additional_kwargs
        return sp.Completion(
            response.message.content or "",
            prompt_tokens=usage.get("prompt_tokens"),
            completion_tokens=usage.get("completion_tokens"),
        )


def as_stage(model: Any) -> sp.Stage:
    """`secondpass.as_stage`, and an LLM as a listwise judge."""
    if isinstance(model, LLM):
        return sp.Order(sp.ChatJudge(LlamaIndexChat(model)))
    return sp.as_stage(model)
