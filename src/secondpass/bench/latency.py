"""How long one query takes at each depth, and how many candidates fit into a latency."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from secondpass.bench.workload import asked
from secondpass.core.stage import Stage
from secondpass.core.timing import Clock, percentile

DEPTHS = (1, 10, 20, 50, 100, 200)
ROUNDS_AT_LEAST, ROUNDS_AT_MOST = 3, 20


@dataclass(frozen=True, slots=True)
class Latency:
    """One depth.

    Attributes:
        depth: How many candidates are reranked for one query.
        p50: Median seconds.
        p95: Seconds that 95 % of the runs stay below.
        runs: How many were timed.
    """

    depth: int
    p50: float
    p95: float
    runs: int


def latencies(
    stage: Stage,
    texts: Sequence[str],
    depths: Sequence[int],
    *,
    seconds: float,
    clock: Clock,
    on_round: Callable[[int], None],
) -> tuple[Latency, ...]:
    """Time one query at a time, all depths in turn, after two warm-up runs.

    Args:
        stage: What is timed.
        texts: See `asked`.
        depths: Rising.
        seconds: No new round begins after so long; `ROUNDS_AT_LEAST` are made all the same.
        clock: Seconds.
        on_round: Called after each round with how many are done.
    """
    for turn in (-1, -2):
        stage(asked(texts, depths[0], turn))
    taken: list[list[float]] = [[] for _ in depths]
    start = clock()
    for turn in range(ROUNDS_AT_MOST):
        if turn >= ROUNDS_AT_LEAST and clock() - start >= seconds:
            break
        for place, depth in enumerate(depths):
            ranking = asked(texts, depth, turn * len(depths) + place)
            before = clock()
            stage(ranking)
            taken[place].append(clock() - before)
        on_round(turn + 1)
    return tuple(
        Latency(depth, percentile(times, 50), percentile(times, 95), len(times))
        for depth, times in zip(depths, taken, strict=True)
    )


def fitting(points: Sequence[Latency], budget: float) -> tuple[int, bool]:
    """How many candidates 95 % of the queries get through in `budget` seconds.

    Straight lines are drawn between the depths measured.

    Returns:
        The number, and whether it is only the largest depth measured, so that more may fit.
    """
    depth, seconds = 0, 0.0
    for point in points:
        if point.p95 > budget:
            share = max(0.0, budget - seconds) / (point.p95 - seconds)
            return depth + int(share * (point.depth - depth)), False
        depth, seconds = point.depth, point.p95
    return depth, True
