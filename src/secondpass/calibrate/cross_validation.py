"""Probabilities of each query from calibrators that never saw it."""

from __future__ import annotations

from collections.abc import Sequence

from secondpass.calibrate.folds import folds_by_query
from secondpass.calibrate.observed import Observed, fitted
from secondpass.calibrate.stage import Calibrator
from secondpass.errors import CalibrationError


def folds_of(observed: Observed, folds: int, seed: int = 0) -> list[list[int]]:
    """Places of the observed queries in folds; see `folds_by_query`."""
    queries = [r.query for r in observed.rankings]
    return folds_by_query(queries, [any(y) for y in observed.labels], folds, seed)


def held_out(
    observed: Observed, method: type[Calibrator] | None, folds: Sequence[Sequence[int]]
) -> list[list[float]]:
    """P(relevant) of each candidate of each query, from a fit on the other folds.

    Raises:
        CalibrationError: A calibrator cannot be fitted without one of the folds.
        MissingExtraError: scikit-learn is not installed.
    """
    found: list[list[float]] = [[] for _ in observed.rankings]
    for fold in folds:
        inside = set(fold)
        others = [i for i in range(len(found)) if i not in inside]
        try:
            stage = fitted(observed.at(others), method)
        except CalibrationError as error:
            raise CalibrationError(
                f"cross-validation over {len(folds)} folds of {len(found)} queries leaves a part "
                f"that cannot be fitted on: {error}"
            ) from error
        for i in fold:
            found[i] = stage.probabilities(observed.rankings[i])
    return found
