"""Bradley-Terry: one strength per candidate that explains who beat whom."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

PRIOR = 0.01
"""Precision of the normal prior on strengths: keeps them finite where one beats all others."""


def log_strengths(wins: Sequence[Sequence[float]], prior: float = PRIOR) -> list[float]:
    """Log-strengths t with P(i beats j) = sigmoid(t[i] - t[j]); their mean is 0.

    Bradley and Terry 1952, "Rank Analysis of Incomplete Block Designs". The penalised likelihood
    is strictly concave; Newton's method with halved steps finds its only maximum.

    Args:
        wins: [n, n], wins[i][j] is how often i beat j, a share of one duel; the diagonal is not
            read.
        prior: Precision of the normal prior, above 0.

    Returns:
        n floats, rounded so that equal records tie.
    """
    w = np.array(wins, dtype=np.float64).reshape(len(wins), len(wins))
    np.fill_diagonal(w, 0.0)
    met = w + w.T
    t = np.zeros(len(w))

    def loss(t: np.ndarray) -> float:
        return float(np.sum(w * np.logaddexp(0.0, t[None, :] - t[:, None])) + prior * t @ t / 2)

    for _ in range(100):
        p = 1 / (1 + np.exp(t[None, :] - t[:, None]))  # p[i, j] = P(i beats j)
        gradient = np.sum(w - met * p, axis=1) - prior * t
        if not len(t) or np.max(np.abs(gradient)) < 1e-10:
            break
        curvature = met * p * (1 - p)
        hessian = np.diag(curvature.sum(axis=1) + prior) - curvature
        step = np.linalg.solve(hessian, gradient)
        now, size = loss(t), 1.0
        while size > 1e-6 and loss(t + size * step) > now:
            size /= 2
        t = t + size * step
    return [float(round(x, 9)) + 0.0 for x in t]  # + 0.0: no negative zero
