"""What makes scores of different stages comparable within one ranking."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence


def _min_max(scores: Sequence[float]) -> list[float]:
    if not scores:
        return []
    low, high = min(scores), max(scores)
    return [(s - low) / (high - low) if high > low else 0.5 for s in scores]


def _z_score(scores: Sequence[float]) -> list[float]:
    if not scores:
        return []
    mean, deviation = statistics.fmean(scores), statistics.pstdev(scores)
    return [(s - mean) / deviation if deviation > 0 else 0.0 for s in scores]


NORMALISED: dict[str, Callable[[Sequence[float]], list[float]]] = {
    "reciprocal-rank": list,  # made from ranks, by Fuse
    "min-max": _min_max,
    "z-score": _z_score,
    "probability": list,
}
