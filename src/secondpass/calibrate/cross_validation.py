"""Cross-validation by query, and the calibrator that it chooses."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from secondpass.calibrate.calibration_data import CalibrationData, Method, fit_calibrator
from secondpass.calibrate.methods.beta import Beta
from secondpass.calibrate.methods.isotonic import Isotonic
from secondpass.calibrate.methods.platt import Platt
from secondpass.calibrate.methods.temperature import Temperature
from secondpass.calibrate.metrics.log_loss import ratio_difference, total_log_loss
from secondpass.calibrate.stages import Calibrator
from secondpass.core.errors import CalibrationError, InvalidInputError
from secondpass.core.judged import normalise_query
from secondpass.core.printing import format_table, short_repr

SIMPLEST_FIRST: tuple[type[Calibrator], ...] = (Temperature, Platt, Beta, Isotonic)
"""By what they learn: one number, two, three, a curve."""


def make_folds(observed: CalibrationData, folds: int, seed: int = 0) -> list[list[int]]:
    """Indices of the observed queries in folds; see `folds_by_query`."""
    queries = [r.query for r in observed.rankings]
    return folds_by_query(queries, [any(y) for y in observed.labels], folds, seed)


def predict_held_out(
    observed: CalibrationData, method: Method | None, folds: Sequence[Sequence[int]]
) -> list[list[float]]:
    """P(relevant) of each candidate of each query, from a fit on the other folds.

    Raises:
        CalibrationError: A calibrator cannot be fitted without one of the folds.
        MissingExtraError: scikit-learn is not installed.
    """
    probabilities: list[list[float]] = [[] for _ in observed.rankings]
    for fold in folds:
        inside = set(fold)
        others = [i for i in range(len(probabilities)) if i not in inside]
        try:
            stage = fit_calibrator(observed.select(others), method)
        except CalibrationError as error:
            raise CalibrationError(
                f"cross-validation over {len(folds)} folds of {len(probabilities)} queries leaves "
                f"a part that cannot be fitted on: {error}"
            ) from error
        for i in fold:
            probabilities[i] = stage.probabilities(observed.rankings[i])
    return probabilities


def folds_by_query(
    queries: Sequence[str], answerable: Sequence[bool], folds: int = 5, seed: int = 0
) -> list[list[int]]:
    """Indices of the queries, dealt into folds of about equal size.

    Queries that differ only in case or spacing go into one fold. Those with and without a relevant
    candidate are dealt evenly, so that each fold has its share of both.

    Args:
        queries: Their texts, length q.
        answerable: Whether each has a relevant candidate, length q.
        folds: Number of folds; the number of different queries where those are fewer.
        seed: Of the shuffle; the same seed gives the same folds.

    Raises:
        InvalidInputError: Fewer than two folds.
        CalibrationError: Fewer than two different queries.
    """
    if isinstance(folds, bool) or not isinstance(folds, int) or folds < 2:
        raise InvalidInputError(f"folds={folds!r}: give a whole number, 2 or more")
    groups: dict[str, list[int]] = {}
    for index, query in enumerate(queries):
        groups.setdefault(normalise_query(query), []).append(index)
    if len(groups) < 2:
        raise CalibrationError(
            f"cross-validation by query needs two different queries, and here is {len(groups)}; "
            "label more"
        )
    shuffled = list(groups.values())
    random.Random(seed).shuffle(shuffled)
    shuffled.sort(key=lambda group: not any(answerable[i] for i in group))  # stable
    count = min(folds, len(shuffled))
    return [sorted(i for group in shuffled[k::count] for i in group) for k in range(count)]


@short_repr
@dataclass(frozen=True, slots=True)
class MethodChoice:
    """Which calibrator was chosen, and why.

    Attributes:
        chosen: Its name.
        log_loss: Cross-validated, of each method by name, simplest first; nats per pair.
        behind: By how much each loses more than the best one, per pair.
        standard_error: Of that difference, with the query as the sample.
        queries: Number of labelled queries.
        folds: Number of folds, by query.
    """

    chosen: str
    log_loss: Mapping[str, float]
    behind: Mapping[str, float]
    standard_error: Mapping[str, float]
    queries: int
    folds: int

    def __str__(self) -> str:
        rows: list[list[str | float | None]] = [
            [name, loss, self.behind[name], self.standard_error[name]]
            for name, loss in self.log_loss.items()
        ]
        return (
            f"{self.chosen}: the simplest within one standard error of the best log loss, "
            f"{self.queries} queries in {self.folds} folds\n"
            + format_table(["method", "log loss", "behind", "standard error"], rows)
        )


def choose_method(
    observed: CalibrationData, methods: Sequence[type[Calibrator]] = SIMPLEST_FIRST, folds: int = 5
) -> tuple[type[Calibrator], MethodChoice]:
    """The simplest method that loses to the best by at most one standard error.

    By log loss, cross-validated by query. The difference is taken query by query, where most of
    what makes a query hard is the same for both and cancels; so a clear gain of two parameters is
    seen, and a gain of none is not paid for with them. The rule is Breiman et al. 1984,
    "Classification and Regression Trees", section 3.4.3.

    Args:
        observed: Raw scores with labels.
        methods: Simplest first.
        folds: Number of folds.

    Raises:
        CalibrationError: See `predict_held_out`.
        MissingExtraError: scikit-learn is not installed.
    """
    parts, labels = make_folds(observed, folds), observed.labels
    sizes = [len(y) for y in labels]
    losses = {}
    for method in methods:
        probabilities = predict_held_out(observed, method, parts)
        losses[method] = [
            total_log_loss(p, y) if y else 0.0 for p, y in zip(probabilities, labels, strict=True)
        ]
    best = min(methods, key=lambda m: sum(losses[m]))
    behind = {m: ratio_difference(losses[m], losses[best], sizes) for m in methods}
    chosen = next(m for m in methods if behind[m].mean <= behind[m].standard_error)
    n = sum(sizes)
    return chosen, MethodChoice(
        chosen=chosen.__name__,
        log_loss={m.__name__: sum(losses[m]) / n for m in methods},
        behind={m.__name__: behind[m].mean for m in methods},
        standard_error={m.__name__: behind[m].standard_error for m in methods},
        queries=len(labels),
        folds=len(parts),
    )
