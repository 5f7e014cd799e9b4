"""The user's own Haystack chat generator as a judge."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from haystack.components.generators.chat.types import ChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.tracing.tracer import tracer

from secondpass import ChatJudge, Order, Stage, as_stage
from secondpass.judge import Completion
from secondpass.judge.chat.framework_chat import (
    chat_name,
    finish_reason,
    first_value,
    not_in_recipes,
)

_MESSAGES = {"system": ChatMessage.from_system, "assistant": ChatMessage.from_assistant}


class HaystackChat:
    """A Haystack `ChatGenerator` as secondpass's `Chat`: its messages in, its answer out.

    Generators differ in the options that they take, so none is passed: set `max_tokens` or
    `temperature` in the generator's own `generation_kwargs`. One without `run_async` is asked in
    a worker thread. Each call has a span "haystack.chat_generator.run", as in Haystack's own
    rankers.

    Raises:
        Exception: (when asked) whatever the generator raises.
    """

    def __init__(self, generator: ChatGenerator) -> None:
        self._generator = generator
        self.name = chat_name(generator, ("model", "model_name"))

    def __repr__(self) -> str:
        return f"HaystackChat({self.name})"

    @property
    def generator(self) -> ChatGenerator:
        """Not for reading: a recipe would write the generator, and its key, to a file.

        Raises:
            RecipeError: Always.
        """
        raise not_in_recipes("chat generator", self.name)

    async def complete(
        self,
        messages: Sequence[Mapping[str, str]],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int,
        top_logprobs: int | None = None,
    ) -> Completion:
        """Ask once; see `secondpass.judge.Chat`."""
        asked = [_MESSAGES.get(m["role"], ChatMessage.from_user)(m["content"]) for m in messages]
        with tracer.trace(
            "haystack.chat_generator.run",
            tags={"haystack.component.type": type(self._generator).__name__},
            parent_span=tracer.current_span(),
        ) as span:
            span.set_content_tag("haystack.component.input", {"messages": asked})
            result = await self._ask(asked)
            span.set_content_tag("haystack.component.output", result)
        return _completion(result["replies"][0])

    async def _ask(self, messages: list[ChatMessage]) -> dict[str, Any]:
        generator: Any = self._generator
        if hasattr(generator, "run_async"):
            result: dict[str, Any] = await generator.run_async(messages=messages)
            return result
        return await asyncio.to_thread(self._generator.run, messages=messages)


def is_chat_generator(model: object) -> bool:
    """Whether it is a component that answers messages; `ChatGenerator` itself cannot be asked."""
    return hasattr(model, "__haystack_input__") and hasattr(model, "run")


def stage_of(model: Any) -> Stage:
    """What `secondpass.as_stage` makes; of a chat generator, a listwise judge."""
    if is_chat_generator(model):
        return Order(ChatJudge(HaystackChat(model), structured=False))  # no schema gets through
    return as_stage(model)


def _completion(reply: ChatMessage) -> Completion:
    usage = (reply.meta.get("usage"),)
    read = first_value(usage, ("prompt_tokens", "input_tokens"))
    written = first_value(usage, ("completion_tokens", "output_tokens"))
    refusal = reply.meta.get("refusal")
    return Completion(
        text=reply.text or "",
        prompt_tokens=read if isinstance(read, int) else None,
        completion_tokens=written if isinstance(written, int) else None,
        finish_reason=finish_reason([reply.meta]),
        refusal=refusal if isinstance(refusal, str) else None,
    )
