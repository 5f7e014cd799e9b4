"""The Brier score and its decomposition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secondpass.calibrate.metrics.calibration_error import check_pairs, make_bins


def brier_score(probabilities: Sequence[float], labels: Sequence[bool | int]) -> float:
    """Mean squared difference between probability and label, in [0, 1]; lower is better.

    Brier 1950, "Verification of Forecasts Expressed in Terms of Probability".

    Raises:
        InvalidInputError: See `expected_calibration_error`.
    """
    p, y = check_pairs(probabilities, labels)
    return sum((a - b) ** 2 for a, b in zip(p, y, strict=True)) / len(p)


@dataclass(frozen=True, slots=True)
class BrierDecomposition:
    """Brier score = reliability - resolution + uncertainty + within_bins, exactly.

    Attributes:
        reliability: Mean squared distance of a bin's mean probability from its share of relevant
            pairs; 0 is perfect. This is what calibration repairs.
        resolution: Variance of that share over the bins; more is better. This is what a better
            model raises.
        uncertainty: rate * (1 - rate), the score of always stating the base rate.
        within_bins: What the bins hide: the variance of the probabilities inside them, less twice
            their covariance with the labels. Small, of either sign, 0 where each bin holds one
            probability.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float

    @property
    def score(self) -> float:
        """The Brier score."""
        return self.reliability - self.resolution + self.uncertainty + self.within_bins


def brier_decomposition(
    probabilities: Sequence[float], labels: Sequence[bool | int], bins: int = 15
) -> BrierDecomposition:
    """The Brier score taken apart over bins of equal mass.

    Murphy 1973, "A New Vector Partition of the Probability Score"; the term inside bins, without
    which the identity is only near, is from Stephenson, Coelho and Jolliffe 2008, "Two Extra
    Components in the Brier Score Decomposition".

    Raises:
        InvalidInputError: See `expected_calibration_error`.
    """
    parts = make_bins(probabilities, labels, bins)
    n = len(labels)
    rate = sum(sum(b.labels) for b in parts) / n
    reliability = resolution = within = 0.0
    for b in parts:
        size, predicted, observed = len(b.labels), b.predicted, b.observed
        reliability += size * (predicted - observed) ** 2 / n
        resolution += size * (observed - rate) ** 2 / n
        within += (
            sum(
                (p - predicted) ** 2 - 2 * (p - predicted) * (y - observed)
                for p, y in zip(b.probabilities, b.labels, strict=True)
            )
            / n
        )
    return BrierDecomposition(reliability, resolution, rate * (1 - rate), within)
