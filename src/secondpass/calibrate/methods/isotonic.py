"""Isotonic regression: any curve that never falls."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from secondpass.calibrate.methods import prepare
from secondpass.core.printing import short_repr


@short_repr
@dataclass(frozen=True, slots=True)
class Isotonic:
    """P(relevant) by straight lines between fitted points, flat beyond the first and last.

    Makes no assumption but monotony, and so wants more data than the others: some hundreds of
    relevant pairs. Flat stretches make ties, which keep the raw order. Probabilities stay within
    Platt's targets, so a small sample never claims 0 or 1. Zadrozny and Elkan 2002,
    "Transforming Classifier Scores into Accurate Multiclass Probability Estimates".
    """

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    @classmethod
    def fit(cls, scores: Sequence[float], labels: Sequence[bool | int]) -> Isotonic:
        """Fit on raw scores and their labels, both of length n.

        Raises:
            CalibrationError: One class only, not finite, or ranked against the labels.
            MissingExtraError: scikit-learn is not installed.
        """
        data = prepare(scores, labels)
        from sklearn.isotonic import IsotonicRegression

        curve = IsotonicRegression(
            y_min=float(data.targets.min()), y_max=float(data.targets.max()), increasing=True
        ).fit(data.scores, data.labels)
        return cls(
            tuple(float(x) for x in curve.X_thresholds_),
            tuple(float(y) for y in curve.y_thresholds_),
        )

    def probability(self, score: float) -> float:
        """P(relevant) of a raw score."""
        right = bisect_right(self.scores, score)
        if right == 0:
            return self.probabilities[0]
        if right == len(self.scores):
            return self.probabilities[-1]
        x0, x1 = self.scores[right - 1], self.scores[right]
        y0, y1 = self.probabilities[right - 1], self.probabilities[right]
        return y0 + (y1 - y0) * (score - x0) / (x1 - x0)
