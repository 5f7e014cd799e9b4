"""What to do with a question that does not fit: ask in parts, then show less of each passage.

It always ends: parts get smaller and passages shorter, and what is left below that keeps its
incoming order. What a model could not read once is not sent to it again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from secondpass.judge.budget import NoCallsLeftError
from secondpass.judge.chat.capabilities import Log, TooLongError

T = TypeVar("T")
Asked = Callable[[list[int], int], Awaitable[T]]
"""Asks about the texts at some places, each cut to a number of tokens."""

_NO_CALLS = ("budget", "the prompt was too long, and no call was left to ask about less")
SHORTEST = 20
"""Tokens of a passage below which it is not worth showing."""


class _NoRoomError(Exception):
    """Not even two short passages fit, so nothing can be ordered."""


class Shrinking:
    """Fits questions to a context of unknown size, and remembers what did not fit.

    Args:
        passage_tokens: How much of a passage to show at most.
    """

    def __init__(self, passage_tokens: int) -> None:
        self.passage_tokens = passage_tokens
        self._too_much = 10**9  # estimated tokens of passages; so many were refused

    async def ordered(self, ask: Asked[list[int]], sizes: Sequence[int], log: Log) -> list[int]:
        """An order of all places, asked for at once if that fits, else in halves.

        The halves are ordered, interleaved, and the upper half of that is ordered once more.

        Args:
            ask: Orders the texts at some places.
            sizes: Estimated tokens of each text.
        """
        places = list(range(len(sizes)))
        try:
            return await self._ordered(ask, list(places), sizes, log)
        except _NoRoomError:
            return places
        except NoCallsLeftError:
            log.tell(*_NO_CALLS)
            return places

    async def whole(self, ask: Asked[T | None], sizes: Sequence[int], log: Log) -> T | None:
        """An answer about all places at once, with passages as short as it takes; None if none."""
        try:
            return await self._shorter(ask, list(range(len(sizes))), sizes, log)
        except NoCallsLeftError:
            log.tell(*_NO_CALLS)
            return None

    async def _ordered(
        self, ask: Asked[list[int]], places: list[int], sizes: Sequence[int], log: Log
    ) -> list[int]:
        if len(places) < 2:
            return places
        if len(places) == 2:
            pair = await self._shorter(ask, places, sizes, log)
            if pair is None:
                raise _NoRoomError
            return pair
        size = _size(places, sizes, self.passage_tokens)
        if size < self._too_much:
            try:
                return await ask(places, self.passage_tokens)
            except TooLongError:
                self._too_much = min(self._too_much, size)
        log.tell(
            "shrunk", f"{len(places)} passages did not fit the model; they were asked in parts"
        )
        half = (len(places) + 1) // 2
        left = await self._ordered(ask, places[:half], sizes, log)
        right = await self._ordered(ask, places[half:], sizes, log)
        mixed = [place for pair in zip(left, right, strict=False) for place in pair]
        mixed += left[len(right) :]
        top = await self._ordered(ask, mixed[:half], sizes, log)
        return top + mixed[half:]

    async def _shorter(
        self, ask: Asked[T | None], places: list[int], sizes: Sequence[int], log: Log
    ) -> T | None:
        limit = self.passage_tokens
        while True:
            size = _size(places, sizes, limit)
            if size < self._too_much:
                try:
                    return await ask(places, limit)
                except TooLongError:
                    self._too_much = min(self._too_much, size)
            longest = min(limit, max(sizes[place] for place in places))
            if longest // 2 < SHORTEST:
                log.tell("fallback", "the model has no room even for short passages")
                return None
            limit = longest // 2
            log.tell("shrunk", f"the prompt was too long; passages were cut to {limit} tokens")


def _size(places: Sequence[int], sizes: Sequence[int], limit: int) -> int:
    return sum(min(sizes[place], limit) for place in places)
