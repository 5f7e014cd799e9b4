"""What judges implement and answer, and `JudgeCaller`: the one shape in which they are called.

Users implement `AsyncJudge`, `AsyncPicker`, `AsyncComparer` or `AsyncScorer`. The runner calls them
through an `AsyncCaller`, and functions that compute through a `SyncCaller`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from secondpass.core.errors import OrderError, ScoreError
from secondpass.core.event import EventKind, Note
from secondpass.judge.algorithms.protocol import QuestionIndices, QuestionKind

T_co = TypeVar("T_co", covariant=True)
Texts = Sequence[str]


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

    def __sub__(self, other: Usage) -> Usage:
        return Usage(
            self.calls - other.calls,
            self.prompt_tokens - other.prompt_tokens,
            self.completion_tokens - other.completion_tokens,
        )


@dataclass(frozen=True, slots=True)
class Answer(Generic[T_co]):
    """An answer that is always usable, and how it came about.

    Attributes:
        value: A permutation of the indices of the texts, best first (order); the index of the best
            text (best); P(first is better) in [0, 1] (compare); a raw score, or None where the
            model gave none, since nothing may invent one (rate).
        usage: What it took.
        events: (kind, message) for each repair, fallback, cut or retry; () where all went well.
            See `EventKind`.
        notes: One per text shown, for its mark in the trail ({"cut_tokens": 12}); () for none.
    """

    value: T_co
    usage: Usage = field(default_factory=Usage)
    events: tuple[tuple[EventKind, str], ...] = ()
    notes: tuple[Note, ...] = ()


def total_usage(answers: Sequence[Answer[Any]]) -> Usage:
    """The usage of some answers; one without usage counts as one call."""
    total = Usage()
    for answer in answers:
        total += answer.usage if answer.usage != Usage() else Usage(calls=1)
    return total


@runtime_checkable
class AsyncJudge(Protocol):
    """Orders texts: listwise. Always answers a permutation of ``range(len(texts))``."""

    name: str

    async def aorder(self, query: str, texts: Texts) -> Answer[Sequence[int]]: ...


@runtime_checkable
class AsyncPicker(Protocol):
    """Names the best of some texts: setwise."""

    name: str

    async def abest(self, query: str, texts: Texts) -> Answer[int]: ...


@runtime_checkable
class AsyncComparer(Protocol):
    """Compares two texts: pairwise. In the given order only; algorithms ask both."""

    name: str

    async def acompare(self, query: str, first: str, second: str) -> Answer[float]: ...


@runtime_checkable
class AsyncScorer(Protocol):
    """Rates one text: pointwise."""

    name: str

    async def arate(self, query: str, text: str) -> Answer[float | None]: ...


class JudgeCaller(Protocol):
    """How the runner calls a judge. A plain object, so that stages can be pickled.

    Attributes:
        asks: The kind of question that it asks.
        waits: Whether it waits on a network. If so, calls run concurrently, one question each, and
            are cancelled at a deadline. Otherwise there is one call at a time, in a worker thread,
            since the judge may not be thread-safe, and it is never cut short.
        batches: Whether it takes all the questions of a round in one call.
    """

    @property
    def asks(self) -> QuestionKind: ...
    @property
    def waits(self) -> bool: ...
    @property
    def batches(self) -> bool: ...

    async def call(self, query: str, questions: Sequence[Texts]) -> list[Answer[Any]]:
        """From a query and the texts of some questions to one answer per question."""
        ...


_METHODS: dict[QuestionKind, tuple[type, str]] = {
    "order": (AsyncJudge, "aorder"),
    "best": (AsyncPicker, "abest"),
    "compare": (AsyncComparer, "acompare"),
    "rate": (AsyncScorer, "arate"),
}


@dataclass(frozen=True, slots=True)
class AsyncCaller:
    """Calls an async method of a judge."""

    judge: object
    asks: QuestionKind
    waits: bool = True
    batches: bool = False

    async def call(self, query: str, questions: Sequence[Texts]) -> list[Answer[Any]]:
        method = getattr(self.judge, _METHODS[self.asks][1])
        answers = []
        for texts in questions:
            arguments = (texts,) if self.asks in ("order", "best") else texts
            answers.append(await method(query, *arguments))
        return answers


@dataclass(frozen=True, slots=True)
class SyncCaller:
    """Calls a function in a worker thread.

    Attributes:
        function: From a query and the texts of some questions to one value per question. It can
            be pickled if the stage is to be: a method of an object, not a closure.
    """

    asks: QuestionKind
    function: Callable[[str, Sequence[Texts]], Sequence[Any]]
    batches: bool
    waits: bool = False

    async def call(self, query: str, questions: Sequence[Texts]) -> list[Answer[Any]]:
        values = await asyncio.to_thread(self.function, query, questions)
        return [Answer(value, Usage(calls=1)) for value in values]


def async_caller(judge: object, asks: QuestionKind) -> AsyncCaller | None:
    """A caller of the judge's async method for this kind of question; None where it has none."""
    if isinstance(judge, _METHODS[asks][0]):
        return AsyncCaller(judge, asks)
    if asks == "best" and isinstance(judge, AsyncJudge):
        return AsyncCaller(judge, "order")
    return None


def check_reply(
    value: Any, question: QuestionIndices, *, answers: QuestionKind, wanted: QuestionKind, by: str
) -> Any:
    """The reply that an algorithm is sent, from the value that a judge answered.

    Args:
        value: What the judge answered about the texts of the question.
        question: Their indices in the ranking.
        answers: The kind of question that the judge answered.
        wanted: The kind that the algorithm asks; "best" may be answered by an "order".
        by: The stage, named in errors.

    Returns:
        Indices of the ranking, or a float; None for a text that was not rated.

    Raises:
        OrderError: Not a permutation of the texts shown, or not the index of one.
        ScoreError: Not a probability, or not a finite number.
    """
    if answers == "order":
        if sorted(value) != list(range(len(question))):
            raise OrderError(
                f"{by!r} answered {value!r}, not a permutation of {len(question)} texts"
            )
        order = [question[i] for i in value]
        return order[0] if wanted == "best" else order
    if answers == "best":
        if value not in range(len(question)):
            raise OrderError(
                f"{by!r} answered {value!r}, not the index of one of {len(question)} texts"
            )
        return question[value]
    if value is None and answers == "rate":
        return None  # the judge gave no rating, and nothing may invent one
    if answers == "compare" and not 0 <= value <= 1:  # false for NaN too
        raise ScoreError(f"{by!r} answered {value}; P(first is better) is in [0, 1]")
    if not isfinite(value):
        raise ScoreError(f"{by!r} answered {value}; a rating must be a finite number")
    return float(value)
