"""How long a stage takes for one query."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage

Clock = Callable[[], float]
"""Seconds since some moment."""


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of them lie, interpolated linearly, as numpy does."""
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / 100
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def seconds_each(
    stage: Stage,
    rounds: Sequence[Sequence[Ranking]],
    repeats: int,
    clock: Clock = time.perf_counter,
) -> list[list[float]]:
    """Seconds for each ranking, one at a time: the median of the repeats, after one warm-up.

    Args:
        stage: What is timed.
        rounds: Lists of rankings. They take turns within every repeat, so that a machine that
            slows down slows them all.
        repeats: How often each is timed.
        clock: For tests.

    Returns:
        One list for each of `rounds`.
    """
    stage(max((ranking for rankings in rounds for ranking in rankings), key=len))
    seconds: list[list[list[float]]] = [[[] for _ in rankings] for rankings in rounds]
    for _ in range(repeats):
        for rankings, times in zip(rounds, seconds, strict=True):
            for ranking, repeated in zip(rankings, times, strict=True):
                start = clock()
                stage(ranking)
                repeated.append(clock() - start)
    return [[statistics.median(repeated) for repeated in times] for times in seconds]
