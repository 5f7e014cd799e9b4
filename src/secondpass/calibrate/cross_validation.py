"""Probabilities of each query from calibrators that never saw it."""

from __future__ import annotations

import random
from collections.abc import Sequence

from secondpass.calibrate.calibration_data import CalibrationData, fitted
from secondpass.calibrate.stages import Calibrator
from secondpass.core.errors import CalibrationError, InvalidInputError
from secondpass.core.judged import normalise_query


def folds_of(observed: CalibrationData, folds: int, seed: int = 0) -> list[list[int]]:
    """Places of the observed queries in folds; see `folds_by_query`."""
    queries = [r.query for r in observed.rankings]
    return folds_by_query(queries, [any(y) for y in observed.labels], folds, seed)


def held_out(
    observed: CalibrationData, method: type[Calibrator] | None, folds: Sequence[Sequence[int]]
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


def folds_by_query(
    queries: Sequence[str], answerable: Sequence[bool], folds: int = 5, seed: int = 0
) -> list[list[int]]:
    """Places of the queries, dealt into folds of about equal size.

    Equal queries, but for case and spacing, go into one fold. Those with and without a relevant
    candidate are dealt evenly, so that each fold has its share of both.

    Args:
        queries: Their texts, length q.
        answerable: Whether each has a relevant candidate, length q.
        folds: How many; as many as there are different queries where those are fewer.
        seed: Of the shuffle; the same seed gives the same folds.

    Raises:
        InvalidInputError: Fewer than two folds asked for.
        CalibrationError: Fewer than two different queries.
    """
    if isinstance(folds, bool) or not isinstance(folds, int) or folds < 2:
        raise InvalidInputError(f"folds={folds!r}: give a whole number, 2 or more")
    groups: dict[str, list[int]] = {}
    for place, query in enumerate(queries):
        groups.setdefault(normalise_query(query), []).append(place)
    if len(groups) < 2:
        raise CalibrationError(
            f"cross-validation by query needs two different queries, and here is {len(groups)}; "
            "label more"
        )
    shuffled = list(groups.values())
    random.Random(seed).shuffle(shuffled)
    shuffled.sort(key=lambda places: not any(answerable[i] for i in places))  # stable
    count = min(folds, len(shuffled))
    return [sorted(i for places in shuffled[k::count] for i in places) for k in range(count)]
