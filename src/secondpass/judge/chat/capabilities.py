"""Talking to a chat model whose abilities are not known: what it refuses, it is asked without."""

from __future__ import annotations

from collections.abc import Sequence

from secondpass.core.candidate import Note
from secondpass.core.errors import SecondPassError
from secondpass.core.tokens import estimated
from secondpass.judge.budget import NoCallsLeftError, current_allowance
from secondpass.judge.chat.failure_kinds import fault
from secondpass.judge.chat.protocol import AnswerSchema, Chat, ChatError, Completion, Message
from secondpass.judge.chat.usable import usable
from secondpass.judge.protocols import Usage


class TooLongError(ChatError):
    """The prompt does not fit the model's context."""


class Log:
    """What happens while one answer is found.

    Attributes:
        usage: What it took so far.
        events: (kind, message), each once, in the order in which they happened.
        notes: What there is to say about a text, by its place.
    """

    def __init__(self) -> None:
        self.usage = Usage()
        self._allowance = current_allowance()
        self.events: dict[tuple[str, str], None] = {}
        self.notes: dict[int, Note] = {}

    def allows_another(self) -> bool:
        """Whether one more request may be answered."""
        return self._allowance is None or self._allowance.covers(self.usage.calls + 1)

    def tell(self, kind: str, message: str) -> None:
        """Add an event."""
        self.events[kind, message] = None


_NAMES = {
    "schema": ("schema", "response_format", "grammar", "guided", "structured", "json"),
    "logprobs": ("logprob",),
    "system": ("system role", "system message", "role 'system'", "roles must alternate"),
}
NO_LOGPROBS = (
    "no-logprobs", "the server gives no log-probabilities that tell; the text is read instead"
)  # fmt: skip
_TOLD = {
    "schema": ("no-schema", "the server takes no JSON schema; answers are read as text"),
    "logprobs": NO_LOGPROBS,
    "system": ("no-system", "the model takes no system message; it was put into the first one"),
}


class CapabilityProbe:
    """Asks one chat model, and remembers what it cannot do.

    Args:
        chat: Whom to ask.
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

    def lost(self, ability: str, log: Log) -> None:
        """Remember that the server ignores something that it did not refuse."""
        if ability not in self._lacking:
            self._lacking.add(ability)
            log.tell(*_TOLD[ability])

    async def complete(
        self,
        log: Log,
        messages: Sequence[Message],
        *,
        schema: AnswerSchema | None,
        max_tokens: int,
        top_logprobs: int | None,
    ) -> Completion:
        """Ask, and ask again without what the server refuses, each thing once.

        Raises:
            TooLongError: The prompt does not fit.
            NoCallsLeftError: The budget does not allow it.
            SecondPassError: The model cannot be asked at all.
        """
        if not log.allows_another():
            raise NoCallsLeftError
        wanted = {"system"}
        wanted |= {"schema"} if schema is not None else set()
        wanted |= {"logprobs"} if top_logprobs is not None else set()
        if "logprobs" in wanted & self._lacking:
            log.tell(*_TOLD["logprobs"])  # it concerns this answer too
        dropped: set[str] = set()
        top = top_logprobs
        while True:
            used = wanted - self._lacking - dropped
            try:
                done = await self.chat.complete(
                    list(messages) if "system" in used else _merged(messages),
                    schema=schema if "schema" in used else None,
                    max_tokens=max_tokens,
                    top_logprobs=top if "logprobs" in used else None,
                )
            except Exception as error:  # every client has classes of its own
                kind = fault(error)
                if kind == "too-long":
                    raise TooLongError("the prompt is too long for the model") from None
                if kind == "filtered":
                    log.usage += Usage(1)
                    return Completion("", finish_reason="content_filter")
                suspect = self._suspect(str(error), used) if kind == "request" else None
                if suspect == "logprobs" and top is not None and top > 5:
                    top = 5  # some servers give fewer, and none where more are asked for
                elif suspect is not None:
                    dropped.add(suspect)
                elif isinstance(error, SecondPassError):
                    raise
                else:
                    raise ChatError(
                        f"the chat model {self.chat.name!r} failed: {type(error).__name__}: {error}"
                    ) from error
                continue
            for ability in dropped:
                self.lost(ability, log)
            self._proven |= used
            return _counted(usable(done, self.chat), messages, log)

    def _suspect(self, said: str, used: set[str]) -> str | None:
        """What to leave out: what the error names, else what never worked so far."""
        said = said.lower()
        for ability, names in _NAMES.items():
            if ability in used and any(name in said for name in names):
                return ability
        untried = used - self._proven
        return next((a for a in ("schema", "logprobs") if a in untried), None)


def _merged(messages: Sequence[Message]) -> list[Message]:
    """The same without a system message, for templates that know none."""
    system = "\n\n".join(m["content"] for m in messages if m["role"] == "system")
    rest = [dict(m) for m in messages if m["role"] != "system"]
    if system and rest:
        rest[0]["content"] = f"{system}\n\n{rest[0]['content']}"
    return list(rest)


def _counted(done: Completion, messages: Sequence[Message], log: Log) -> Completion:
    prompt, completion = done.prompt_tokens, done.completion_tokens
    if prompt is None:
        prompt = sum(estimated(m["content"]) for m in messages)
    if completion is None:
        completion = estimated(done.text)
    log.usage += Usage(1, prompt, completion)
    if done.retries:
        log.tell("retried", f"the server answered after {done.retries} failed attempts")
    return done
