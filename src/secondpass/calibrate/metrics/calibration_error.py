"""How far stated probabilities are from observed relevance: in bins, on average, as a curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from secondpass.core.errors import InvalidInputError

Z95 = 1.959963984540054
"""Standard deviations within which 95 % of a normal distribution lie."""


def expected_calibration_error(
    probabilities: Sequence[float], labels: Sequence[bool | int], bins: int = 15
) -> float:
    """Mean distance between stated probability and observed relevance, in [0, 1].

    Bins hold equal numbers of pairs (equal mass), which is less biased than bins of equal width:
    Roelofs et al. 2022, "Mitigating Bias in Calibration Error Estimation" (arXiv 2012.08668).

    Args:
        probabilities: P(relevant), length n.
        labels: 0 or 1, length n.
        bins: Number of bins; fewer than n are used where n is small.

    Raises:
        InvalidInputError: Nothing to measure, lengths that differ, or numbers outside [0, 1].
    """
    parts = make_bins(probabilities, labels, bins)
    return sum(abs(sum(b.probabilities) - sum(b.labels)) for b in parts) / len(labels)


def class_balanced_calibration_error(
    probabilities: Sequence[float], labels: Sequence[bool | int], bins: int = 15
) -> float:
    """The same distance where relevant and other pairs weigh one half each, in [0, 1].

    Of a hundred candidates a few are relevant, so the plain error is nearly all about pairs that
    nobody will read. Here each bin is weighted by the mean of its share of the relevant
    and its share of the other pairs:

        sum over bins of |predicted - observed| * (n1(bin) / n1 + n0(bin) / n0) / 2

    with n1 relevant and n0 other pairs. Distances are those of the data as it is, so calibrated
    probabilities still have an error of 0. Equal weight for each class: Nixon et al. 2019,
    "Measuring Calibration in Deep Learning" (arXiv 1904.01685); for rerankers see arXiv 2402.12276.

    Raises:
        InvalidInputError: One class only, or see `expected_calibration_error`.
    """
    parts = make_bins(probabilities, labels, bins)
    n = len(labels)
    relevant = sum(sum(b.labels) for b in parts)
    if not 0 < round(relevant) < n:
        raise InvalidInputError(
            f"all {n} labels are the same, and a class-balanced error weighs two classes; "
            "add queries that have both"
        )
    return sum(
        abs(b.predicted - b.observed)
        * (sum(b.labels) / relevant + (len(b.labels) - sum(b.labels)) / (n - relevant))
        / 2
        for b in parts
    )


@dataclass(frozen=True, slots=True)
class ReliabilityPoint:
    """One bin: what was stated and what was observed.

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
        for b in make_bins(probabilities, labels, bins)
    )


def _wilson(share: float, n: int) -> tuple[float, float]:
    middle = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


class Bin(NamedTuple):
    """Neighbouring probabilities and their labels, both of one length, never empty.

    A bin's border may split a tie. Each of the tied then counts with their mean label, since any
    order among them would be arbitrary; so labels are numbers in [0, 1].
    """

    probabilities: tuple[float, ...]
    labels: tuple[float, ...]

    @property
    def predicted(self) -> float:
        """Mean probability."""
        return sum(self.probabilities) / len(self.probabilities)

    @property
    def observed(self) -> float:
        """Share of relevant pairs."""
        return sum(self.labels) / len(self.labels)


def make_bins(
    probabilities: Sequence[float], labels: Sequence[bool | int], bins: int = 15
) -> list[Bin]:
    """Bins of as equal a number of pairs as possible, lowest probabilities first.

    Args:
        probabilities: P(relevant), length n.
        labels: 0 or 1, length n.
        bins: Number of bins; n where there are fewer pairs than bins.

    Raises:
        InvalidInputError: No bin, nothing to measure, lengths that differ, or numbers outside
            [0, 1].
    """
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 1:
        raise InvalidInputError(f"bins={bins!r}: give a whole number, 1 or more")
    p, y = check_pairs(probabilities, labels)
    tied: dict[float, list[int]] = {}
    for probability, label in zip(p, y, strict=True):
        tied.setdefault(probability, []).append(label)
    pairs = [(q, sum(ys) / len(ys)) for q, ys in sorted(tied.items()) for _ in ys]
    n = len(pairs)
    parts = (pairs[i * n // bins : (i + 1) * n // bins] for i in range(bins))
    return [Bin(tuple(q for q, _ in part), tuple(o for _, o in part)) for part in parts if part]


def check_pairs(
    probabilities: Sequence[float], labels: Sequence[bool | int]
) -> tuple[list[float], list[int]]:
    """Both as plain numbers.

    Raises:
        InvalidInputError: Nothing to measure, lengths that differ, or numbers outside [0, 1].
    """
    if len(probabilities) != len(labels) or not len(labels):
        raise InvalidInputError(
            f"{len(probabilities)} probabilities and {len(labels)} labels; give one label for each"
        )
    if not all(0 <= p <= 1 for p in probabilities) or not all(y in (0, 1) for y in labels):
        raise InvalidInputError("probabilities must be in [0, 1] and labels 0 or 1")
    return [float(p) for p in probabilities], [int(y) for y in labels]
