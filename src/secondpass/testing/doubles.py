"""Test doubles: small, deterministic, and honest about the laws. Import them in your own tests."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence

from secondpass.core.event import EventKind
from secondpass.judge.protocols import Answer, Usage
from secondpass.stages.score import Pair


def overlap(query: str, text: str) -> float:
    """The number of distinct words that the two share; case does not matter."""
    return float(len(_words(query) & _words(text)))


class FakeScorer:
    """A `Scorer` from any function of query and text; word overlap if none is given.

    Attributes:
        calls: The pairs of each call, oldest first.
    """

    def __init__(
        self, function: Callable[[str, str], float] = overlap, name: str = "fake-scorer"
    ) -> None:
        self.function, self.name = function, name
        self.calls: list[list[Pair]] = []

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        """The value of the function for each pair."""
        self.calls.append(list(pairs))
        return [self.function(query, text) for query, text in pairs]


class FakeComparer:
    """A `Comparer` that prefers the text with the higher value of a function.

    Args:
        bias: Added to P(first is better), like the position bias of a real model.
    """

    def __init__(
        self,
        function: Callable[[str, str], float] = overlap,
        name: str = "fake-comparer",
        bias: float = 0.0,
    ) -> None:
        self.function, self.name, self.bias = function, name, bias
        self.calls: list[list[Pair]] = []

    def compare(self, query: str, pairs: Sequence[Pair]) -> list[float]:
        """1 where the first is better, 0 where the second is, 0.5 where they are equal."""
        self.calls.append(list(pairs))
        return [self._one(query, first, second) for first, second in pairs]

    def _one(self, query: str, first: str, second: str) -> float:
        a, b = self.function(query, first), self.function(query, second)
        return min(1.0, max(0.0, (a > b) + 0.5 * (a == b) + self.bias))


class FakeJudge:
    """A `Judge` that orders texts by a function, best first."""

    def __init__(
        self, function: Callable[[str, str], float] = overlap, name: str = "fake-judge"
    ) -> None:
        self.function, self.name = function, name
        self.calls: list[list[str]] = []

    def order(self, query: str, texts: Sequence[str]) -> list[int]:
        """Indices of the texts, best first; equal ones keep their order."""
        self.calls.append(list(texts))
        return sorted(range(len(texts)), key=lambda i: -self.function(query, texts[i]))


class FakeAsyncJudge:
    """Orders, picks, compares and rates by a function of query and text, all asynchronously.

    Stands in for a language model as judge, without any network.

    Args:
        function: Higher is better; word overlap if none is given.
        bias: Added to the value of the text that is shown first, like a model's position bias.
        latency: Seconds that each answer takes; 0 still lets other tasks run in between.
        events: The events of each answer.

    Attributes:
        calls: The texts of each call, oldest first.
        in_flight: The number of calls that are being answered now.
        most_in_flight: The highest value that `in_flight` ever had.
        cancelled: The number of calls that were cancelled before they were answered.
    """

    def __init__(
        self,
        function: Callable[[str, str], float] = overlap,
        name: str = "fake-async-judge",
        *,
        bias: float = 0.0,
        latency: float = 0.0,
        events: Sequence[tuple[EventKind, str]] = (),
    ) -> None:
        self.function, self.name, self.bias, self.latency = function, name, bias, latency
        self.events = tuple(events)
        self.calls: list[tuple[str, ...]] = []
        self.in_flight = self.most_in_flight = self.cancelled = 0

    async def aorder(self, query: str, texts: Sequence[str]) -> Answer[Sequence[int]]:
        """Best first; equal ones keep their order."""
        values, usage = await self._values(query, texts)
        return Answer(sorted(range(len(texts)), key=lambda i: -values[i]), usage, self.events)

    async def abest(self, query: str, texts: Sequence[str]) -> Answer[int]:
        """The first of the best."""
        values, usage = await self._values(query, texts)
        return Answer(values.index(max(values)), usage, self.events)

    async def acompare(self, query: str, first: str, second: str) -> Answer[float]:
        """1 where the first is better, 0 where the second is, 0.5 where they are equal."""
        (a, b), usage = await self._values(query, (first, second))
        return Answer((a > b) + 0.5 * (a == b), usage, self.events)

    async def arate(self, query: str, text: str) -> Answer[float]:
        """The function's value."""
        (value,), usage = await self._values(query, (text,))
        return Answer(value, usage, self.events)

    async def _values(self, query: str, texts: Sequence[str]) -> tuple[list[float], Usage]:
        self.calls.append(tuple(texts))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.latency)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.in_flight -= 1
        values = [self.function(query, text) for text in texts]
        if len(values) > 1:
            values[0] += self.bias
        words = sum(len(text.split()) for text in (query, *texts))
        return values, Usage(calls=1, prompt_tokens=words, completion_tokens=len(texts))


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))
