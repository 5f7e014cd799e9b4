"""The arithmetic of the tables: medians of rounds, and of ratios within a round."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median


def ratio_of_rounds(mine: Sequence[float], theirs: Sequence[float]) -> float | None:
    """Median over rounds of mine / theirs: what slowed a whole round down cancels.

    None where either has no finished round.
    """
    both = [a / b for a, b in zip(mine, theirs, strict=False) if b > 0]
    return median(both) if both else None


def against(
    rates: Mapping[str, Sequence[float]], rivals: Mapping[str, str | None]
) -> dict[str, float | None]:
    """For each row its ratio to the rival named for it; None where it has none or it failed."""
    return {
        name: None if (rival := rivals.get(name)) is None else
        ratio_of_rounds(of, rates.get(rival, ()))
        for name, of in rates.items()
    }  # fmt: skip


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread(values: Sequence[float]) -> float:
    """How far the lowest is below the highest, as a share of the highest."""
    return 1 - min(values) / max(values)
