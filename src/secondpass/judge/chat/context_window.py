"""Fits a question into the model's context: asks in parts, then shows less of each passage.

It always ends: parts get smaller and passages shorter, and what is left below that keeps its
incoming order. What the model could not read once is not sent to it again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from secondpass.core.event import EventKind
from secondpass.judge.budget import NoCallsLeftError
from secondpass.judge.chat.capabilities import AnswerLog, TooLongError

T = TypeVar("T")
Ask = Callable[[list[int], int], Awaitable[T]]
"""Asks about the texts with some indices, each cut to a number of tokens."""

_NO_CALLS: tuple[EventKind, str] = (
    "budget",
    "the prompt was too long, and no call was left to ask about less",
)
SHORTEST = 20
"""Tokens of a passage below which it is not worth showing."""


class _NothingFitsError(Exception):
    """Not even two short passages fit, so nothing can be ordered."""


class ContextWindow:
    """Fits questions into a context of unknown size, and remembers what did not fit.

    Args:
        passage_tokens: How much of a passage to show at most.
    """

    def __init__(self, passage_tokens: int) -> None:
        self.passage_tokens = passage_tokens
        self._smallest_rejected = 10**9  # estimated tokens of all passages of a prompt

    async def order(self, ask: Ask[list[int]], sizes: Sequence[int], log: AnswerLog) -> list[int]:
        """An order of all texts, asked for at once if that fits, else in halves.

        The halves are ordered, interleaved, and the upper half of that is ordered once more.

        Args:
            ask: Orders the texts with some indices.
            sizes: Estimated tokens of each text.
        """
        indices = list(range(len(sizes)))
        try:
            return await self._order(ask, list(indices), sizes, log)
        except _NothingFitsError:
            return indices
        except NoCallsLeftError:
            log.add_event(*_NO_CALLS)
            return indices

    async def answer(self, ask: Ask[T | None], sizes: Sequence[int], log: AnswerLog) -> T | None:
        """An answer about all texts at once, cut as short as it takes; None where nothing fits."""
        try:
            return await self._shorten(ask, list(range(len(sizes))), sizes, log)
        except NoCallsLeftError:
            log.add_event(*_NO_CALLS)
            return None

    async def _order(
        self, ask: Ask[list[int]], indices: list[int], sizes: Sequence[int], log: AnswerLog
    ) -> list[int]:
        if len(indices) < 2:
            return indices
        if len(indices) == 2:
            pair = await self._shorten(ask, indices, sizes, log)
            if pair is None:
                raise _NothingFitsError
            return pair
        size = _total(indices, sizes, self.passage_tokens)
        if size < self._smallest_rejected:
            try:
                return await ask(indices, self.passage_tokens)
            except TooLongError:
                self._smallest_rejected = min(self._smallest_rejected, size)
        log.add_event(
            "shrunk", f"{len(indices)} passages did not fit the model; they were asked in parts"
        )
        half = (len(indices) + 1) // 2
        left = await self._order(ask, indices[:half], sizes, log)
        right = await self._order(ask, indices[half:], sizes, log)
        mixed = [index for pair in zip(left, right, strict=False) for index in pair]
        mixed += left[len(right) :]
        top = await self._order(ask, mixed[:half], sizes, log)
        return top + mixed[half:]

    async def _shorten(
        self, ask: Ask[T | None], indices: list[int], sizes: Sequence[int], log: AnswerLog
    ) -> T | None:
        limit = self.passage_tokens
        while True:
            size = _total(indices, sizes, limit)
            if size < self._smallest_rejected:
                try:
                    return await ask(indices, limit)
                except TooLongError:
                    self._smallest_rejected = min(self._smallest_rejected, size)
            longest = min(limit, max(sizes[index] for index in indices))
            if longest // 2 < SHORTEST:
                log.add_event("fallback", "not even short passages fit into the model's context")
                return None
            limit = longest // 2
            log.add_event("shrunk", f"the prompt was too long; passages were cut to {limit} tokens")


def _total(indices: Sequence[int], sizes: Sequence[int], limit: int) -> int:
    return sum(min(sizes[index], limit) for index in indices)
