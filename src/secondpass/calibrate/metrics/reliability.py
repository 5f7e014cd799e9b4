"""The values of a reliability diagram."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from secondpass.calibrate.metrics.binning import binned

Z95 = 1.959963984540054
"""Of a normal distribution 95 % lie within so many standard deviations."""


@dataclass(frozen=True, slots=True)
class ReliabilityPoint:
    """One bin: what was said and what was seen.

    Attributes:
        predicted: Mean probability.
        observed: Share of relevant pairs.
        low: Where the 95 % interval of that share begins (Wilson 1927), as if pairs were
            independent; pairs of one query are not quite, so it is a little too narrow.
        high: Where it ends.
        count: Number of pairs.
    """

    predicted: float
    observed: float
    low: float
    high: float
    count: int


def reliability_curve(
    probabilities: Sequence[float], labels: Sequence[bool | int], bins: int = 10
) -> tuple[ReliabilityPoint, ...]:
    """Predicted against observed in bins of equal mass, lowest first.

    Raises:
        InvalidInputError: See `expected_calibration_error`.
    """
    return tuple(
        ReliabilityPoint(
            b.predicted, b.observed, *_wilson(b.observed, len(b.labels)), len(b.labels)
        )
        for b in binned(probabilities, labels, bins)
    )


def _wilson(share: float, n: int) -> tuple[float, float]:
    middle = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)
