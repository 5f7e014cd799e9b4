"""Asks a chat model whose capabilities are not known: what the server rejects, it is asked without.

`CapabilityProbe` remembers what a server rejected. An `AnswerLog` collects what one answer takes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from secondpass.core.errors import SecondPassError
from secondpass.core.event import EventKind, Note
from secondpass.core.tokens import estimated
from secondpass.judge.budget import NoCallsLeftError, current_allowance
from secondpass.judge.chat.protocol import (
    AnswerSchema,
    Chat,
    ChatError,
    Completion,
    Message,
    check_completion,
)
from secondpass.judge.protocols import Usage

FailureKind = Literal["too-long", "filtered", "request", "other"]
"""Why a request failed: the prompt does not fit; a content filter; something about the request
that leaving an option out may cure; anything else (the network, the key, the server)."""

_TOO_LONG = re.compile(
    r"context.{0,20}(length|window|size|limit)|maximum.{0,20}(context|prompt|input|tokens)"
    r"|(prompt|input|request).{0,40}too (long|large|many tokens)|too many (input )?tokens"
    r"|exceed_context_size|exceeds? .{0,60}(context|token limit)|reduce the length"
    r"|max_model_len|string_above_max_length",
    re.IGNORECASE,
)
_FILTERED = re.compile(
    r"content[_ ](filter|management|policy)|safety (system|policy|filter)", re.IGNORECASE
)


class TooLongError(ChatError):
    """The prompt does not fit into the model's context."""


class AnswerLog:
    """What one answer takes, and what happens until it is usable.

    Attributes:
        usage: The usage so far.
        events: (kind, message), each once, in the order in which they happened.
        notes: The note on each text, by its index.
    """

    def __init__(self) -> None:
        self.usage = Usage()
        self.events: dict[tuple[EventKind, str], None] = {}
        self.notes: dict[int, Note] = {}
        self._allowance = current_allowance()

    def allows_another_call(self) -> bool:
        """Whether the budget has a call left for one more request."""
        return self._allowance is None or self._allowance.covers(self.usage.calls + 1)

    def add_event(self, kind: EventKind, message: str) -> None:
        """Add an event, unless it is there already."""
        self.events[kind, message] = None

    def add_completion(self, completion: Completion, messages: Sequence[Message]) -> None:
        """Add the usage of a completion, estimated where the server does not say."""
        prompt, written = completion.prompt_tokens, completion.completion_tokens
        if prompt is None:
            prompt = sum(estimated(message["content"]) for message in messages)
        if written is None:
            written = estimated(completion.text)
        self.usage += Usage(1, prompt, written)
        if completion.retries:
            retries = f"the server answered after {completion.retries} failed attempts"
            self.add_event("retried", retries)


_NAMES_IN_ERRORS = {
    "schema": ("schema", "response_format", "grammar", "guided", "structured", "json"),
    "logprobs": ("logprob",),
    "system": ("system role", "system message", "role 'system'", "roles must alternate"),
}
NO_LOGPROBS: tuple[EventKind, str] = (
    "no-logprobs",
    "the server gives no usable log-probabilities; the text is read instead",
)
_LACKING_EVENTS: dict[str, tuple[EventKind, str]] = {
    "schema": ("no-schema", "the server takes no JSON schema; answers are read as text"),
    "logprobs": NO_LOGPROBS,
    "system": ("no-system", "the model takes no system message; it was put into the first one"),
}


class CapabilityProbe:
    """Asks one chat model, and remembers what it does not support.

    Args:
        chat: The chat model.
        structured: Whether to send JSON schemas at all.
    """

    def __init__(self, chat: Chat, structured: bool) -> None:
        self.chat = chat
        self._lacking = set() if structured else {"schema"}
        self._proven: set[str] = set()

    @property
    def structured(self) -> bool:
        """Whether the next answer is asked for as JSON."""
        return "schema" not in self._lacking

    def mark_lacking(self, capability: str, log: AnswerLog) -> None:
        """Remember that the server rejects or ignores something."""
        if capability not in self._lacking:
            self._lacking.add(capability)
            log.add_event(*_LACKING_EVENTS[capability])

    async def complete(
        self,
        log: AnswerLog,
        messages: Sequence[Message],
        *,
        schema: AnswerSchema | None,
        max_tokens: int,
        top_logprobs: int | None,
    ) -> Completion:
        """Ask, and ask again without what the server rejects, each capability once.

        Raises:
            TooLongError: The prompt does not fit.
            NoCallsLeftError: The budget does not allow it.
            SecondPassError: The model cannot be asked at all.
        """
        if not log.allows_another_call():
            raise NoCallsLeftError
        wanted = {"system"}
        wanted |= {"schema"} if schema is not None else set()
        wanted |= {"logprobs"} if top_logprobs is not None else set()
        if "logprobs" in wanted & self._lacking:
            log.add_event(*NO_LOGPROBS)  # it concerns this answer too
        rejected: set[str] = set()
        while True:
            used = wanted - self._lacking - rejected
            try:
                completion = await self.chat.complete(
                    list(messages) if "system" in used else _without_system(messages),
                    schema=schema if "schema" in used else None,
                    max_tokens=max_tokens,
                    top_logprobs=top_logprobs if "logprobs" in used else None,
                )
                break
            except Exception as error:  # every client has error classes of its own
                kind = failure_kind(error)
                if kind == "too-long":
                    raise TooLongError("the prompt is too long for the model") from None
                if kind == "filtered":
                    log.usage += Usage(1)
                    return Completion("", finish_reason="content_filter")
                suspect = self._suspect(str(error), used) if kind == "request" else None
                if suspect is None and isinstance(error, SecondPassError):
                    raise
                if suspect is None:
                    raise ChatError(
                        f"the chat model {self.chat.name!r} failed: {type(error).__name__}: {error}"
                    ) from error
                if suspect == "logprobs" and top_logprobs is not None and top_logprobs > 5:
                    top_logprobs = 5  # some servers give no more, and none if asked for more
                else:
                    rejected.add(suspect)
        for capability in rejected:
            self.mark_lacking(capability, log)
        self._proven |= used
        completion = check_completion(completion, self.chat)
        log.add_completion(completion, messages)
        return completion

    def _suspect(self, message: str, used: set[str]) -> str | None:
        """What to leave out: what the error names, else what has never worked so far."""
        message = message.lower()
        for capability, names in _NAMES_IN_ERRORS.items():
            if capability in used and any(name in message for name in names):
                return capability
        untried = used - self._proven
        return next((name for name in ("schema", "logprobs") if name in untried), None)


def failure_kind(error: BaseException) -> FailureKind:
    """The kind of failure that an exception of any chat client stands for."""
    status, message = _status(error), str(error)
    if status in {400, 413, 422, 500} or status is None:
        if _TOO_LONG.search(message):
            return "too-long"
        if _FILTERED.search(message) and status != 500:
            return "filtered"
    if status == 413:
        return "too-long"
    return "request" if status in {400, 422, 500, 501} else "other"


def _status(error: BaseException) -> int | None:
    for holder in (error, getattr(error, "response", None)):
        for name in ("status", "status_code", "http_status", "code"):
            value = getattr(holder, name, None)
            if isinstance(value, int):
                return value
    return None


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """The messages with the system message inside the first one, for templates without the role."""
    system = "\n\n".join(m["content"] for m in messages if m["role"] == "system")
    rest = [dict(m) for m in messages if m["role"] != "system"]
    if system and rest:
        rest[0]["content"] = f"{system}\n\n{rest[0]['content']}"
    return list(rest)
