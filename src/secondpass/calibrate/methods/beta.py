"""Beta calibration: two slopes, one for each end, and a bias."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from secondpass.calibrate.methods import minimise_log_loss, prepare
from secondpass.core.formulas import sigmoid


@dataclass(frozen=True, slots=True)
class Beta:
    """P(relevant) = sigmoid(a ln q - b ln(1 - q) + c), q = sigmoid((score - centre) / spread).

    Where Platt's curve is too symmetric: it bends the low and the high end separately, and holds
    Platt's as the case a = b. Kull et al. 2017, "Beta calibration: a well-founded and easily
    implemented improvement on logistic calibration for binary classifiers" (AISTATS).
    """

    a: float
    b: float
    c: float
    centre: float
    spread: float

    @classmethod
    def fit(cls, scores: Sequence[float], labels: Sequence[bool | int]) -> Beta:
        """Fit on raw scores and their labels, both of length n.

        Raises:
            CalibrationError: One class only, not finite, or ranked against the labels.
            MissingExtraError: scikit-learn is not installed.
        """
        import numpy as np

        data = prepare(scores, labels)
        centre, spread = float(data.scores.mean()), float(data.scores.std()) or 1.0
        z = (data.scores - centre) / spread
        low, high = -np.logaddexp(0, -z), np.logaddexp(0, z)  # ln q and -ln(1 - q)
        rows = np.stack([low, high, np.ones_like(z)])
        rising = ((0, None), (0, None), (None, None))  # slopes not negative: the curve never falls
        a, b, c = minimise_log_loss(rows, (1.0, 1.0, 0.0), rising, data.targets)
        return cls(a, b, c, centre, spread)

    def probability(self, score: float) -> float:
        """P(relevant) of a raw score."""
        z = (score - self.centre) / self.spread
        return sigmoid(-self.a * _softplus(-z) + self.b * _softplus(z) + self.c)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))
