"""Who is asked, in one shape: an algorithm's questions become calls of a judge's methods."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from secondpass.errors import OrderError, ScoreError
from secondpass.judge.answer import (
    Answer,
    AsyncComparer,
    AsyncJudge,
    AsyncPicker,
    AsyncRater,
    Usage,
)
from secondpass.judge.asking import Asks, Question

Texts = Sequence[str]


@dataclass(frozen=True, slots=True)
class Asker:
    """How to ask.

    Attributes:
        asks: What for.
        ask: From a query and the texts of some questions to an answer for each.
        waits: It waits on a network: asked side by side, one question at a time, and cancelled at
            a deadline. One that computes is asked in one worker thread at a time, since nothing
            says that it may be shared, and never cut short.
        batches: It takes all the questions of a round at once.
    """

    asks: Asks
    ask: Callable[[str, Sequence[Texts]], Awaitable[list[Answer[Any]]]]
    waits: bool = True
    batches: bool = False


def asker_of_async(judge: object, asks: Asks) -> Asker | None:
    """An asker of what can be asked by async methods; None where `judge` lacks the one needed."""

    async def order(query: str, shown: Sequence[Texts]) -> list[Answer[Any]]:
        assert isinstance(judge, AsyncJudge)
        return [await judge.aorder(query, texts) for texts in shown]

    async def best(query: str, shown: Sequence[Texts]) -> list[Answer[Any]]:
        assert isinstance(judge, AsyncPicker)
        return [await judge.abest(query, texts) for texts in shown]

    async def compare(query: str, shown: Sequence[Texts]) -> list[Answer[Any]]:
        assert isinstance(judge, AsyncComparer)
        return [await judge.acompare(query, first, second) for first, second in shown]

    async def rate(query: str, shown: Sequence[Texts]) -> list[Answer[Any]]:
        assert isinstance(judge, AsyncRater)
        return [await judge.arate(query, text) for (text,) in shown]

    known = {
        "order": (AsyncJudge, order),
        "best": (AsyncPicker, best),
        "compare": (AsyncComparer, compare),
        "rate": (AsyncRater, rate),
    }
    kind, ask = known[asks]
    if isinstance(judge, kind):
        return Asker(asks, ask)
    if asks == "best" and isinstance(judge, AsyncJudge):
        return Asker("order", order)
    return None


def asker_of_sync(
    asks: Asks, ask: Callable[[str, Sequence[Texts]], Sequence[Any]], *, batches: bool
) -> Asker:
    """An asker of a plain function, which returns one value for each question."""

    async def in_a_thread(query: str, shown: Sequence[Texts]) -> list[Answer[Any]]:
        values = await asyncio.to_thread(ask, query, shown)
        return [Answer(value, Usage(calls=1)) for value in values]

    return Asker(asks, in_a_thread, waits=False, batches=batches)


def reply(asker: Asker, wanted: Asks, value: Any, question: Question, by: str) -> Any:
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
