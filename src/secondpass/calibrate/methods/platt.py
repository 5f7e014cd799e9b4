"""Platt scaling: a slope and a bias."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secondpass.calibrate.methods import minimise_log_loss, prepare
from secondpass.core.formulas import sigmoid


@dataclass(frozen=True, slots=True)
class Platt:
    """P(relevant) = sigmoid(slope * score + bias).

    The method for most cases: two numbers, safe on a few dozen queries. Platt 1999,
    "Probabilistic Outputs for Support Vector Machines".
    """

    slope: float
    bias: float

    @classmethod
    def fit(cls, scores: Sequence[float], labels: Sequence[bool | int]) -> Platt:
        """Fit on raw scores and their labels, both of length n.

        Raises:
            CalibrationError: One class only, not finite, or ranked against the labels.
            MissingExtraError: scikit-learn is not installed.
        """
        import numpy as np

        data = prepare(scores, labels)
        centre, spread = data.scores.mean(), data.scores.std() or 1.0
        z = (data.scores - centre) / spread  # the minimiser likes unit scale; undone below
        rows = np.stack([z, np.ones_like(z)])
        slope, bias = minimise_log_loss(rows, (1.0, 0.0), ((0, None), (None, None)), data.targets)
        return cls(float(slope / spread), float(bias - slope * centre / spread))

    def probability(self, score: float) -> float:
        """P(relevant) of a raw score."""
        return sigmoid(self.slope * score + self.bias)
