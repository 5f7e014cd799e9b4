"""A chat model, as small as it can be: one async method. Anything that has it can be a judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from secondpass.core.errors import ModelError
from secondpass.judge.protocols import Usage

Message = Mapping[str, str]
"""{"role": "system" | "user" | "assistant", "content": text}"""

AnswerSchema = Mapping[str, Any]
"""A JSON schema, with a "title" that names it."""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One written token and the likeliest ones at its place.

    Attributes:
        text: The token as text; may be "" for special tokens.
        logprob: Its natural log-probability.
        top: (text, log-probability) of the likeliest tokens at this place, any order.
    """

    text: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """What a chat model answered.

    Attributes:
        text: "" where it wrote nothing.
        prompt_tokens: As counted by the server; None where it does not say.
        completion_tokens: Likewise.
        finish_reason: "stop", "length", "content_filter", ...; None where unknown.
        logprobs: One per written token; None where the server gives none.
        refusal: What it said instead of an answer, where the server tells the two apart.
        retries: How many attempts failed before this one.
    """

    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    finish_reason: str | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None
    refusal: str | None = None
    retries: int = 0


@runtime_checkable
class Chat(Protocol):
    """What to write to let any language model judge.

    `schema`, `top_logprobs` may be ignored: the judge reads plain text too, and says in events
    what it had to do without. A request that the server refuses should raise `ChatError` with the
    HTTP status, or any exception with a `status_code`, so that the judge can tell a prompt that
    is too long, or an option that the server does not know, from a broken connection.
    """

    name: str

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        schema: AnswerSchema | None = None,
        max_tokens: int,
        top_logprobs: int | None = None,
    ) -> Completion: ...


class ChatError(ModelError):
    """A chat model could not be asked.

    Attributes:
        status: The HTTP status it answered with; None where it did not answer.
        usage: What was answered before, for the same question.
    """

    def __init__(self, message: str, status: int | None = None, usage: Usage | None = None) -> None:
        super().__init__(message)
        self.status, self.usage = status, usage or Usage()

    def __reduce__(self) -> tuple[type[ChatError], tuple[str, int | None, Usage]]:
        return type(self), (str(self), self.status, self.usage)
