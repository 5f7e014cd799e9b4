"""A weighted sum whose weights were fitted: logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secondpass.calibrate.metrics.log_loss import total_log_loss
from secondpass.core.errors import CalibrationError, MissingExtraError
from secondpass.core.short_repr import short_repr
from secondpass.stages.fuse.learned.examples import Examples

if TYPE_CHECKING:
    from secondpass.stages.fuse.learned.examples import Floats

STRENGTHS = (10.0, 1.0, 0.1, 0.01)
"""Inverse strengths of regularisation that are tried, the weakest first."""
INNER_FOLDS = 3


@short_repr
@dataclass(frozen=True, slots=True)
class LogisticModel:
    """ln(odds of relevance) = bias + sum of weight * feature.

    Attributes:
        weights: One per feature, in log-odds per unit of it.
        bias: Log-odds where all features are 0.
        strength: scikit-learn's C, chosen by cross-validation; small values hold weights back.
    """

    weights: tuple[float, ...]
    bias: float
    strength: float

    @classmethod
    def fit(cls, examples: Examples, seed: int = 0) -> LogisticModel:
        """Fit with the strength of least log loss, cross-validated by query.

        Raises:
            CalibrationError: One class only.
            MissingExtraError: scikit-learn is not installed.
        """
        losses = dict.fromkeys(STRENGTHS, 0.0)
        for others, own in examples.splits(INNER_FOLDS, seed):
            if len(set(others.y)) < 2 or not len(own.y):
                continue
            for strength in STRENGTHS:
                model = _fitted(others, strength)
                losses[strength] += total_log_loss(model.probabilities(own.x), own.y.tolist())
        return _fitted(examples, min(losses, key=lambda c: losses[c]))

    @property
    def importance(self) -> tuple[float, ...]:
        """The weights."""
        return self.weights

    def score(self, row: Sequence[float]) -> float:
        """Log-odds of one row."""
        return self.bias + sum(w * x for w, x in zip(self.weights, row, strict=True))

    def probabilities(self, x: Floats) -> list[float]:
        """P(relevant) of each row, shape (n, features), as the fit has it."""
        import numpy as np

        z = x @ np.array(self.weights) + self.bias
        return [float(p) for p in 1 / (1 + np.exp(-np.clip(z, -700, 700)))]


def _fitted(examples: Examples, strength: float) -> LogisticModel:
    import numpy as np

    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise MissingExtraError("learning a fusion", "learn") from error
    x, y = examples.x, examples.y
    if len(set(y)) < 2:
        raise CalibrationError(
            f"all {len(y)} labelled pairs are {'relevant' if y[0] else 'not relevant'}, and "
            "weights are learned from the contrast; add queries that have both"
        )
    mean, spread = x.mean(axis=0), x.std(axis=0)
    spread = np.where(spread > 1e-12 * np.maximum(1, np.abs(mean)), spread, np.inf)
    fit = LogisticRegression(C=strength, max_iter=2000, tol=1e-6).fit((x - mean) / spread, y)
    weights = fit.coef_[0] / spread  # a feature that never varied has no say
    bias = float(fit.intercept_[0] - weights @ mean)
    return LogisticModel(tuple(float(w) for w in weights), bias, strength)
