"""What a judge that is asked over the network gives back: the answer, its cost, what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar, runtime_checkable

from secondpass.core.event import EventKind, Note

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Usage:
    """What answering took. Adds up with `+`.

    Attributes:
        calls: Requests that were answered, repairs included.
        prompt_tokens: Tokens read by the model, as the server counts them (or an estimate).
        completion_tokens: Tokens written by it.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )


@dataclass(frozen=True, slots=True)
class Answer(Generic[T_co]):
    """An answer that is always usable, and how it came about.

    Attributes:
        value: A permutation of the places of the texts, best first (order); the place of the best
            text (best); P(first is better) in [0, 1] (compare); a raw score, or None where the
            model gave none, since nobody may invent one (rate).
        usage: What it took.
        events: (kind, message) for each repair, fallback, cut or retry; () where all went well.
            See `EventKind`.
        notes: One per text shown, for its mark in the trail ({"cut_tokens": 12}); () for none.
    """

    value: T_co
    usage: Usage = field(default_factory=Usage)
    events: tuple[tuple[EventKind, str], ...] = ()
    notes: tuple[Note, ...] = ()


@runtime_checkable
class AsyncJudge(Protocol):
    """Orders texts: listwise. A permutation of ``range(len(texts))``, whatever the model said."""

    name: str

    async def aorder(self, query: str, texts: Sequence[str]) -> Answer[Sequence[int]]: ...


@runtime_checkable
class AsyncPicker(Protocol):
    """Names the best of some texts: setwise."""

    name: str

    async def abest(self, query: str, texts: Sequence[str]) -> Answer[int]: ...


@runtime_checkable
class AsyncComparer(Protocol):
    """Compares two texts: pairwise. One order only; algorithms ask both."""

    name: str

    async def acompare(self, query: str, first: str, second: str) -> Answer[float]: ...


@runtime_checkable
class AsyncScorer(Protocol):
    """Rates one text: pointwise."""

    name: str

    async def arate(self, query: str, text: str) -> Answer[float | None]: ...
