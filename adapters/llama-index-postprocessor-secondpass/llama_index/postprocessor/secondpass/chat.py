"""The user's own LlamaIndex LLM as a judge."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole
from llama_index.core.llms import LLM, CustomLLM

from secondpass import ChatJudge, Order, Stage, as_stage
from secondpass.judge import Completion, TokenLogprob
from secondpass.judge.chat.framework_chat import (
    chat_name,
    field,
    finish_reason,
    first_value,
    not_in_recipes,
)


class LlamaIndexChat:
    """A LlamaIndex `LLM` as secondpass's `Chat`: its messages in, its answer out.

    LLMs differ in the options that they take, so none is passed: set `max_tokens`, `temperature`,
    `logprobs` where you make the LLM. Log-probabilities are used where it gives them. A `CustomLLM`
    without an `achat` of its own would block the event loop, so it is asked in a worker thread,
    one call at a time.

    Raises:
        Exception: (when asked) whatever the LLM raises.
    """

    def __init__(self, llm: LLM) -> None:
        self._llm, self._lock = llm, threading.Lock()
        self.name = chat_name(llm, ("model", "model_name"))

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
        raise not_in_recipes("LLM", self.name)

    async def complete(
        self,
        messages: Sequence[Mapping[str, str]],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int,
        top_logprobs: int | None = None,
    ) -> Completion:
        """Ask once; see `secondpass.judge.Chat`."""
        prompt = [ChatMessage(role=MessageRole(m["role"]), content=m["content"]) for m in messages]
        if inspect.unwrap(type(self._llm).achat) is inspect.unwrap(CustomLLM.achat):
            return _completion(await asyncio.to_thread(self._chat, prompt))
        return _completion(await self._llm.achat(prompt))

    def _chat(self, prompt: list[ChatMessage]) -> ChatResponse:
        with self._lock:  # local models may not be asked twice at once
            return self._llm.chat(prompt)


def stage_of(model: Any) -> Stage:
    """What `secondpass.as_stage` makes; of an LLM, a listwise judge."""
    if isinstance(model, LLM):
        return Order(ChatJudge(LlamaIndexChat(model), structured=False))  # no schema gets through
    return as_stage(model)


def _completion(response: ChatResponse) -> Completion:
    raw, message = response.raw, response.message
    choice = (field(raw, "choices") or [raw])[0]
    usages = (field(raw, "usage"), field(raw, "usage_metadata"), response.additional_kwargs)
    read = first_value(usages, ("prompt_tokens", "input_tokens", "prompt_token_count"))
    written = first_value(usages, ("completion_tokens", "output_tokens", "candidates_token_count"))
    refusal = first_value((message.additional_kwargs, field(choice, "message")), ("refusal",))
    return Completion(
        text=message.content or "",
        prompt_tokens=read if isinstance(read, int) else None,
        completion_tokens=written if isinstance(written, int) else None,
        finish_reason=finish_reason([choice, raw]),
        logprobs=tuple(_token(top) for top in response.logprobs if top)
        if response.logprobs
        else None,
        refusal=refusal if isinstance(refusal, str) else None,
    )


def _token(top: Sequence[Any]) -> TokenLogprob:
    """LlamaIndex keeps the likeliest tokens only; the likeliest stands for the written one."""
    likeliest = max(top, key=lambda one: float(one.logprob))
    alternatives = tuple((one.token, one.logprob) for one in top)
    return TokenLogprob(likeliest.token, likeliest.logprob, alternatives)
