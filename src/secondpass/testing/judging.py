"""A stand-in for a language model as judge, without any network, that counts what is in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from secondpass.core.event import EventKind
from secondpass.judge.protocols import Answer, Usage
from secondpass.testing.doubles import overlap


class FakeAsyncJudge:
    """Orders, picks, compares and rates by a function of query and text, all asynchronously.

    Args:
        function: Higher is better; word overlap if none is given.
        bias: Added to the value of the text that is shown first, as a model's liking for it.
        latency: Seconds that each answer takes; 0 still lets others run in between.
        events: What each answer says happened.

    Attributes:
        calls: The texts of each call, oldest first.
        in_flight: Calls that are being answered now.
        most_in_flight: The most that ever were.
        cancelled: Calls that were cancelled before they were answered.
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
        values, usage = await self._seen(query, texts)
        return Answer(sorted(range(len(texts)), key=lambda i: -values[i]), usage, self.events)

    async def abest(self, query: str, texts: Sequence[str]) -> Answer[int]:
        """The first of the best."""
        values, usage = await self._seen(query, texts)
        return Answer(values.index(max(values)), usage, self.events)

    async def acompare(self, query: str, first: str, second: str) -> Answer[float]:
        """1 where the first is better, 0 where the second is, 0.5 where they are equal."""
        (a, b), usage = await self._seen(query, (first, second))
        return Answer((a > b) + 0.5 * (a == b), usage, self.events)

    async def arate(self, query: str, text: str) -> Answer[float]:
        """The function's value."""
        (value,), usage = await self._seen(query, (text,))
        return Answer(value, usage, self.events)

    async def _seen(self, query: str, texts: Sequence[str]) -> tuple[list[float], Usage]:
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
