"""How long a call takes, and how long a stage takes for one query."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage

Key = TypeVar("Key")
Clock = Callable[[], float]
"""Seconds since some moment."""


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of them lie, interpolated linearly, as numpy does."""
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / 100
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def time_call(call: Callable[[], object], clock: Clock = time.perf_counter) -> float:
    """Seconds that a call takes."""
    start = clock()
    call()
    return clock() - start


def time_in_turn(
    calls: Mapping[Key, Callable[[], object]], rounds: int, clock: Clock = time.perf_counter
) -> dict[Key, list[float]]:
    """Seconds of each call in each round.

    Args:
        calls: They take turns within a round, so that a machine that slows down slows them all.
        rounds: How often each is timed.
        clock: For tests.
    """
    seconds: dict[Key, list[float]] = {key: [] for key in calls}
    for _ in range(rounds):
        for key, call in calls.items():
            seconds[key].append(time_call(call, clock))
    return seconds


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
    largest = max((r for rankings in rounds for r in rankings), key=len)
    stage(largest)
    calls = {
        (i, j): partial(stage, ranking)
        for i, rankings in enumerate(rounds)
        for j, ranking in enumerate(rankings)
    }
    seconds = time_in_turn(calls, repeats, clock)
    return [
        [statistics.median(seconds[i, j]) for j in range(len(rankings))]
        for i, rankings in enumerate(rounds)
    ]
