"""The `Chat` protocol: one async method, and what it returns. Anything that has it can judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from secondpass.core.errors import InvalidInputError, ModelError
from secondpass.judge.parsing.answer_text import LONGEST
from secondpass.judge.protocols import Usage

Message = Mapping[str, str]
"""{"role": "system" | "user" | "assistant", "content": text}"""

AnswerSchema = Mapping[str, Any]
"""A JSON schema, with a "title" that names it."""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One written token and the likeliest ones at its position.

    Attributes:
        text: The token as text; may be "" for special tokens.
        logprob: Its natural log-probability.
        top: (text, log-probability) of the likeliest tokens at this position, in any order.
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
        refusal: What it wrote instead of an answer, where the server tells the two apart.
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
    """What to implement to let any language model judge.

    `schema` and `top_logprobs` may be ignored: the judge reads plain text too, and events say what
    it had to do without. A request that the server rejects should raise `ChatError` with the
    HTTP status, or any exception with a `status_code`, so that the judge can tell a prompt that
    is too long, or an option that the server does not support, from a broken connection.
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
        status: The HTTP status of the reply; None where there was none.
        usage: What was answered before, for the same question.
    """

    def __init__(self, message: str, status: int | None = None, usage: Usage | None = None) -> None:
        super().__init__(message)
        self.status, self.usage = status, usage or Usage()

    def __reduce__(self) -> tuple[type[ChatError], tuple[str, int | None, Usage]]:
        return type(self), (str(self), self.status, self.usage)


def check_completion(completion: object, chat: Chat) -> Completion:
    """What a chat returned, made safe to read: of the right types, and of a bounded length.

    A very long text is cut to its end; counts and tokens of wrong types are dropped.

    Raises:
        InvalidInputError: Neither a completion nor a text.
    """
    if isinstance(completion, str):
        completion = Completion(completion)
    if not isinstance(completion, Completion) or not isinstance(completion.text, str):
        wrong = completion.text if isinstance(completion, Completion) else completion
        raise InvalidInputError(
            f"{chat.name!r} answered {type(wrong).__name__}; complete must return a Completion "
            "with a text"
        )
    completion_tokens = _count(completion.completion_tokens)
    if len(completion.text) > LONGEST and completion_tokens is None:
        completion_tokens = len(completion.text) // 4  # all of it, though only its end is read
    return replace(
        completion,
        text=completion.text[-LONGEST:],
        prompt_tokens=_count(completion.prompt_tokens),
        completion_tokens=completion_tokens,
        logprobs=completion.logprobs if all(map(_is_token, completion.logprobs or ())) else None,
    )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _is_token(token: object) -> bool:
    if not isinstance(token, TokenLogprob):
        return False
    pairs = [(token.text, token.logprob), *token.top]
    return all(isinstance(text, str) and isinstance(p, int | float) for text, p in pairs)
