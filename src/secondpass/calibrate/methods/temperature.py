"""Temperature scaling: one number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secondpass.calibrate.methods import minimise_log_loss, prepare
from secondpass.core.formulas import sigmoid


@dataclass(frozen=True, slots=True)
class Temperature:
    """P(relevant) = sigmoid(score / temperature).

    For logits of a model trained with a binary loss, whose zero is already right; it cannot move
    the zero, so use Platt for anything else. Guo et al. 2017, "On Calibration of Modern Neural
    Networks" (arXiv 1706.04599).
    """

    temperature: float

    @classmethod
    def fit(cls, scores: Sequence[float], labels: Sequence[bool | int]) -> Temperature:
        """Fit on raw scores (logits) and their labels, both of length n.

        Raises:
            CalibrationError: One class only, not finite, or ranked against the labels.
            MissingExtraError: scikit-learn is not installed.
        """
        import numpy as np

        data = prepare(scores, labels)
        scale = float(np.abs(data.scores).max()) or 1.0
        rows = (data.scores / scale)[None, :]
        # 1 / temperature: the loss is convex in it, and 1e-6 keeps the temperature finite
        (inverse,) = minimise_log_loss(rows, (1.0,), ((1e-6, None),), data.targets)
        return cls(float(scale / inverse))

    def probability(self, score: float) -> float:
        """P(relevant) of a raw score."""
        return sigmoid(score / self.temperature)
