"""Ours and peers timed in rounds: rates by turns, and ratios within a round."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from secondpass.core.timing import time_in_turn


def rates_in_turn(
    calls: Mapping[str, Callable[[], object]], pairs: int, rounds: int
) -> dict[str, list[float]]:
    """Pairs per second of each call in each round, the calls one after another (A B A B ...)."""
    seconds = time_in_turn(calls, rounds)
    return {name: [pairs / s for s in of_rounds] for name, of_rounds in seconds.items()}


def ratio_of_rounds(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    """Median over rounds of ours / theirs: what slowed a whole round down cancels.

    None where either has no finished round.
    """
    ratios = [a / b for a, b in zip(ours, theirs, strict=False) if b > 0]
    return median(ratios) if ratios else None


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread(values: Sequence[float]) -> float:
    """How far the lowest is below the highest, as a share of the highest."""
    return 1 - min(values) / max(values)
