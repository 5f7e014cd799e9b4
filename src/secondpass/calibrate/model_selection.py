"""Which calibrator suits the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from secondpass.calibrate.calibration_data import CalibrationData
from secondpass.calibrate.cross_validation import folds_of, held_out
from secondpass.calibrate.methods.beta import Beta
from secondpass.calibrate.methods.isotonic import Isotonic
from secondpass.calibrate.methods.platt import Platt
from secondpass.calibrate.methods.temperature import Temperature
from secondpass.calibrate.metrics.log_loss import difference, total_log_loss
from secondpass.calibrate.stages import Calibrator
from secondpass.core.short_repr import short_repr
from secondpass.core.text_table import format_table

SIMPLEST_FIRST: tuple[type[Calibrator], ...] = (Temperature, Platt, Beta, Isotonic)
"""By what they have to learn: one number, two, three, a curve."""


@short_repr
@dataclass(frozen=True, slots=True)
class MethodChoice:
    """Which calibrator was chosen, and why.

    Attributes:
        chosen: Its name.
        log_loss: Cross-validated, of each method by name, simplest first; nats per pair.
        behind: By how much each loses more than the best one, per pair.
        standard_error: Of that difference, with the query as the sample.
        queries: On how many labelled queries.
        folds: In how many folds, by query.
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
        folds: How many.

    Raises:
        CalibrationError: See `held_out`.
        MissingExtraError: scikit-learn is not installed.
    """
    parts, labels = folds_of(observed, folds), observed.labels
    sizes = [len(y) for y in labels]
    losses = {}
    for method in methods:
        said = held_out(observed, method, parts)
        losses[method] = [
            total_log_loss(p, y) if y else 0.0 for p, y in zip(said, labels, strict=True)
        ]
    best = min(methods, key=lambda m: sum(losses[m]))
    behind = {m: difference(losses[m], losses[best], sizes) for m in methods}
    chosen = next(m for m in methods if behind[m].mean <= behind[m].standard_error)
    n = sum(sizes)
    return chosen, MethodChoice(
        chosen.__name__,
        {m.__name__: sum(losses[m]) / n for m in methods},
        {m.__name__: behind[m].mean for m in methods},
        {m.__name__: behind[m].standard_error for m in methods},
        len(labels),
        len(parts),
    )
