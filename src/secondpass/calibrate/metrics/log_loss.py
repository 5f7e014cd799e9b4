"""Log loss over pairs, and the difference of two losses with the query as the sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from secondpass.calibrate.metrics.calibration_error import check_pairs

LEAST = 1e-15
"""A probability of 0 or 1 that turns out wrong counts as this far from it, not as infinity."""


def log_loss(probabilities: Sequence[float], labels: Sequence[bool | int]) -> float:
    """Mean of -ln of the probability given to what was true, in nats; lower is better.

    It is what calibrators minimise, and with Brier's the usual proper score: no other number than
    the true probability does better on average. It punishes certainty that was wrong.

    Raises:
        InvalidInputError: See `expected_calibration_error`.
    """
    return total_log_loss(probabilities, labels) / len(labels)


def total_log_loss(probabilities: Sequence[float], labels: Sequence[bool | int]) -> float:
    """The sum of which `log_loss` is the mean."""
    p, y = check_pairs(probabilities, labels)
    return sum(-math.log(max(a if b else 1 - a, LEAST)) for a, b in zip(p, y, strict=True))


class MeanWithError(NamedTuple):
    """A mean difference and its standard error."""

    mean: float
    standard_error: float


def ratio_difference(
    losses: Sequence[float], others: Sequence[float], sizes: Sequence[float]
) -> MeanWithError:
    """How much more one loses than the other, per pair, on the same queries: a ratio estimate.

    The query is the sample: pairs of one query go together, so the standard error is that of a
    ratio of two sums over queries (Cochran 1977, "Sampling Techniques", section 6.4).

    Args:
        losses: Summed over the pairs of each query, length q.
        others: The same of what it is compared with.
        sizes: Number of pairs of each query.
    """
    gaps = [a - b for a, b in zip(losses, others, strict=True)]
    n, q = sum(sizes), len(gaps)
    mean = sum(gaps) / n
    if q < 2:
        return MeanWithError(mean, math.inf)
    spread = sum((gap - mean * size) ** 2 for gap, size in zip(gaps, sizes, strict=True))
    return MeanWithError(mean, math.sqrt(spread * q / (q - 1)) / n)
