"""Who is asked, in one shape: an algorithm's questions become calls of a judge's methods."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Protocol

from secondpass.core.errors import OrderError, ScoreError
from secondpass.judge.algorithms.protocol import QuestionIndices, QuestionKind
from secondpass.judge.protocols import (
    Answer,
    AsyncComparer,
    AsyncJudge,
    AsyncPicker,
    AsyncScorer,
    Usage,
)

Texts = Sequence[str]


class JudgeCaller(Protocol):
    """How to ask. A plain object, so that stages can be pickled.

    Attributes:
        asks: What for.
        waits: It waits on a network: asked side by side, one question at a time, and cancelled at
            a deadline. One that computes is asked in one worker thread at a time, since nothing
            says that it may be shared, and never cut short.
        batches: It takes all the questions of a round at once.
    """

    @property
    def asks(self) -> QuestionKind: ...
    @property
    def waits(self) -> bool: ...
    @property
    def batches(self) -> bool: ...

    async def ask(self, query: str, shown: Sequence[Texts]) -> list[Answer[Any]]:
        """From a query and the texts of some questions to an answer for each."""
        ...


_METHODS: dict[QuestionKind, tuple[type, str]] = {
    "order": (AsyncJudge, "aorder"),
    "best": (AsyncPicker, "abest"),
    "compare": (AsyncComparer, "acompare"),
    "rate": (AsyncScorer, "arate"),
}


@dataclass(frozen=True, slots=True)
class AsyncCaller:
    """Asks an async method of a judge."""

    judge: object
    asks: QuestionKind
    waits: bool = True
    batches: bool = False

    async def ask(self, query: str, shown: Sequence[Texts]) -> list[Answer[Any]]:
        ask = getattr(self.judge, _METHODS[self.asks][1])
        if self.asks in ("order", "best"):
            return [await ask(query, texts) for texts in shown]
        return [await ask(query, *texts) for texts in shown]


@dataclass(frozen=True, slots=True)
class SyncCaller:
    """Asks a function of its own thread, which returns one value for each question.

    Attributes:
        function: It can be pickled if the stage is to be: a method of an object, no closure.
    """

    asks: QuestionKind
    function: Callable[[str, Sequence[Texts]], Sequence[Any]]
    batches: bool
    waits: bool = False

    async def ask(self, query: str, shown: Sequence[Texts]) -> list[Answer[Any]]:
        values = await asyncio.to_thread(self.function, query, shown)
        return [Answer(value, Usage(calls=1)) for value in values]


def asker_of_async(judge: object, asks: QuestionKind) -> AsyncCaller | None:
    """An asker of what can be asked by async methods; None where `judge` lacks the one needed."""
    if isinstance(judge, _METHODS[asks][0]):
        return AsyncCaller(judge, asks)
    if asks == "best" and isinstance(judge, AsyncJudge):
        return AsyncCaller(judge, "order")
    return None


def reply(
    asker: JudgeCaller, wanted: QuestionKind, value: Any, question: QuestionIndices, by: str
) -> Any:
    """What the algorithm is told, from what the judge said: places of the ranking, or a float.

    Raises:
        OrderError: No permutation of the texts shown, or none of their places.
        ScoreError: No probability, or no finite number.
    """
    if asker.asks == "order":
        if sorted(value) != list(range(len(question))):
            raise OrderError(
                f"{by!r} answered {value!r}, not a permutation of {len(question)} texts"
            )
        order = [question[i] for i in value]
        return order[0] if wanted == "best" else order
    if asker.asks == "best":
        if value not in range(len(question)):
            raise OrderError(f"{by!r} answered {value!r}, not one of {len(question)} places")
        return question[value]
    if value is None and asker.asks == "rate":
        return None  # the judge gave no rating, and nothing may invent one
    if asker.asks == "compare" and not 0 <= value <= 1:  # false for NaN too
        raise ScoreError(f"{by!r} answered {value}; P(first is better) is in [0, 1]")
    if not isfinite(value):
        raise ScoreError(f"{by!r} answered {value}; a rating must be a finite number")
    return float(value)
