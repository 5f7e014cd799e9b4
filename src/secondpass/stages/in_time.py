"""Scores as many pairs as fit before the deadline that is set, in batches sized to what is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import zip_longest

from secondpass.core.deadline import time_left
from secondpass.core.event import Note
from secondpass.core.ranking import Ranking

Pair = tuple[str, str]
Scored = tuple[list[float], list[Note]]
_FIRST = 4
"""Pairs of the batch that measures, where nothing was measured yet."""
_SHARE = 0.5
"""Of the time left that one batch may take: the next one corrects what this one got wrong."""
_PAIR_COST = 40
"""Characters that a pair costs beside its own."""


class Pace:
    """How fast a scorer reads here, as measured so far.

    Attributes:
        rate: Characters per second, `_PAIR_COST` more for each pair; None before the first batch.
    """

    __slots__ = ("rate",)

    def __init__(self) -> None:
        self.rate: float | None = None

    def fitting(self, costs: Sequence[int], seconds: float) -> int:
        """How many of the pairs, from the first, take no longer than `seconds`."""
        if self.rate is None:
            return min(_FIRST, len(costs))
        budget, count = self.rate * seconds, 0
        for cost in costs:
            budget -= cost
            if budget < 0:
                break
            count += 1
        return count

    def seconds(self, cost: int) -> float:
        """How long pairs of that cost take; 0 where nothing was measured."""
        return 0.0 if self.rate is None else cost / self.rate

    def measured(self, cost: int, seconds: float) -> None:
        """Learn from a batch; the last one counts half."""
        rate = cost / max(seconds, 1e-9)
        self.rate = rate if self.rate is None else 0.5 * (rate + self.rate)


def cost_of(pair: Pair) -> int:
    """In characters."""
    return len(pair[0]) + len(pair[1]) + _PAIR_COST


def score_in_time(
    score: Callable[[Sequence[Pair]], Scored], pairs: Sequence[Pair], pace: Pace
) -> tuple[list[float | None], list[Note]]:
    """One score for each pair, or None and the note ``unscored`` for those after the deadline.

    Args:
        score: Scores and notes of some pairs.
        pairs: The most promising first.
        pace: What is known of the scorer's speed; it is updated.
    """
    costs = [cost_of(pair) for pair in pairs]
    scores: list[float | None] = [None] * len(pairs)
    notes: list[Note] = [{"unscored": True} for _ in pairs]
    start = 0
    while start < len(pairs):
        left = time_left() or 0.0
        end = start + batch_size(costs[start:], left, pace) if left else start
        if end == start:
            break
        began = time.monotonic()
        scores[start:end], notes[start:end] = score(pairs[start:end])
        pace.measured(sum(costs[start:end]), time.monotonic() - began)
        start = end
    return scores, notes


def batch_size(costs: Sequence[int], left: float, pace: Pace) -> int:
    """How many pairs to score next: all if they fit easily, else as many as half the time takes."""
    if pace.rate is None or pace.seconds(sum(costs)) <= _SHARE * left:
        return pace.fitting(costs, left)
    return max(pace.fitting(costs, _SHARE * left), min(1, pace.fitting(costs, left)))


def side_by_side(rankings: Sequence[Ranking]) -> list[tuple[int, int]]:
    """(ranking, candidate) of all, the first candidates of all rankings first."""
    columns = ([(r, c) for c in range(len(ranking))] for r, ranking in enumerate(rankings))
    return [pair for row in zip_longest(*columns) for pair in row if pair is not None]
