"""The curves from a raw score, or a rank, to a probability: one per file.

What their fits share is here: checked data, safe targets, and one convex minimiser.

Fitting needs scipy and scikit-learn (the `eval` extra); a fitted calibrator needs neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from secondpass.core.errors import CalibrationError, MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from threadpoolctl import ThreadpoolController

    Floats = npt.NDArray[np.float64]


class Data(NamedTuple):
    """Scores, labels (0. or 1.) and Platt's targets, each of shape (n,)."""

    scores: Floats
    labels: Floats
    targets: Floats


def prepare(scores: Sequence[float], labels: Sequence[bool | int]) -> Data:
    """Check the data to fit on, and make its targets.

    The targets are Platt's: (n+ + 1) / (n+ + 2) for a relevant pair and 1 / (n- + 2) for another,
    which keeps every fit finite on separable data and cautious on tiny samples. Platt 1999,
    "Probabilistic Outputs for Support Vector Machines", section 2.2.

    Raises:
        CalibrationError: Lengths differ, a score is not finite, only one class, or higher scores
            are less often relevant.
        MissingExtraError: scikit-learn is not installed.
    """
    import numpy as np

    try:
        from sklearn.metrics import roc_auc_score
    except ImportError as error:
        raise MissingExtraError("fitting a calibrator", "eval") from error
    s = np.asarray(scores, dtype=np.float64)
    y = np.asarray(labels, dtype=np.float64)
    if s.shape != y.shape or s.ndim != 1:
        raise CalibrationError(f"{s.shape} scores and {y.shape} labels; give one label per score")
    if not np.isfinite(s).all():
        raise CalibrationError("some scores are not finite; a calibrator cannot be fitted on them")
    if not np.isin(y, (0, 1)).all():
        raise CalibrationError("labels must be 0 or 1 (False or True)")
    positive, n = int(y.sum()), len(y)
    if positive in (0, n):
        which = "relevant" if positive else "not relevant"
        raise CalibrationError(
            f"all {n} labelled pairs are {which}, and a calibrator learns from the contrast; "
            "add queries that have both"
        )
    auc = float(roc_auc_score(y, s))
    if auc < 0.5:
        raise CalibrationError(
            f"higher scores are less often relevant (area under the curve {auc:.2f} on {n} pairs); "
            "check the labels, or judge more queries"
        )
    targets = np.where(y == 1, (positive + 1) / (positive + 2), 1 / (n - positive + 2))
    return Data(s, y, targets)


def minimise_log_loss(
    rows: Floats,
    start: Sequence[float],
    bounds: Sequence[tuple[float | None, float | None]],
    targets: Floats,
    *,
    penalty: float = 0.0,
) -> list[float]:
    """Parameters (p,) that minimise the log loss of sigmoid(parameters @ rows) against `targets`.

    The loss is convex in them.

    Args:
        rows: What each parameter is multiplied with, shape (p, n).
        start: Where to begin, shape (p,).
        bounds: Least and greatest value of each parameter, None for none.
        targets: In (0, 1), shape (n,).
        penalty: Times the sum of the squared parameters, which is added to the mean loss.
    """
    import numpy as np
    from scipy.optimize import minimize
    from scipy.special import expit

    def loss(parameters: Floats) -> tuple[float, Floats]:
        z = parameters @ rows
        value = np.mean(np.logaddexp(0, z) - targets * z) + penalty * (parameters @ parameters)
        slope = rows @ (expit(z) - targets) / len(targets) + 2 * penalty * parameters
        return float(value), slope

    with _pools().limit(limits=1, user_api="blas"):
        result = minimize(
            loss,
            np.asarray(start, dtype=np.float64),
            jac=True,
            bounds=bounds,
            method="L-BFGS-B",
            options={"ftol": 1e-14, "gtol": 1e-9, "maxiter": 1000},
        )
    return [float(x) for x in result.x]


@cache
def _pools() -> ThreadpoolController:
    """Limits the threads of BLAS; looked up once, since that takes longer than a fit.

    The minimiser solves systems of a few numbers, and on a busy machine the threads that BLAS
    wakes for each of them cost milliseconds of waiting.
    """
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
