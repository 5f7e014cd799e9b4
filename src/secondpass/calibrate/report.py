"""What a stage's scores are worth as probabilities, before and after each calibrator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secondpass.calibrate.calibration_data import CalibrationData, observe, pooled
from secondpass.calibrate.cross_validation import folds_of, held_out
from secondpass.calibrate.metrics.summary import CalibrationMetrics
from secondpass.calibrate.model_selection import SIMPLEST_FIRST
from secondpass.calibrate.optimise import sigmoid
from secondpass.calibrate.stages import Calibrate, CalibrateOrder, Calibrator
from secondpass.core.errors import InvalidInputError
from secondpass.core.judged import JudgedQuery
from secondpass.core.short_repr import short_repr
from secondpass.core.stage import Pipeline, Stage
from secondpass.core.text_table import format_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEAD = (
    "", "log loss", "ECE", "balanced ECE", "Brier", "reliability", "resolution", "mean P",
)  # fmt: skip


@short_repr
@dataclass(frozen=True, slots=True)
class MethodReport:
    """One row: a name such as ``Platt``, or of what was there before, and how good it is."""

    name: str
    quality: CalibrationMetrics


@short_repr
@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """Before and after, on queries that no fit has seen. Print it, or draw it with `figure`.

    Attributes:
        stage: Name of what was calibrated.
        before: What the pipeline says without any fit here, see `calibration_report`; None for
            orders, which say nothing.
        after: Each calibrator, cross-validated by query.
        base_rate: Share of relevant pairs.
        queries: How many labelled queries.
        answerable: How many of them have a relevant candidate.
        pairs: How many candidates they have.
        folds: How many folds, by query.
    """

    stage: str
    before: MethodReport | None
    after: tuple[MethodReport, ...]
    base_rate: float
    queries: int
    answerable: int
    pairs: int
    folds: int

    @property
    def rows(self) -> tuple[MethodReport, ...]:
        """Before, where there is something, and after."""
        return (self.before, *self.after) if self.before else self.after

    @property
    def best(self) -> MethodReport:
        """The calibrator with the least log loss."""
        return min(self.after, key=lambda row: row.quality.log_loss)

    def __str__(self) -> str:
        rows: list[list[str | float | None]] = []
        for row in self.rows:
            q = row.quality
            rows.append([
                row.name, q.log_loss, q.expected_calibration_error,
                q.class_balanced_calibration_error, q.brier_score, q.brier.reliability,
                q.brier.resolution, q.mean_probability,
            ])  # fmt: skip
        uncertain = self.base_rate * (1 - self.base_rate)
        return (
            f"{self.stage}: {self.queries} queries ({self.answerable} with a relevant candidate), "
            f"{self.pairs} pairs, cross-validated by query in {self.folds} folds\n"
            f"{format_table(HEAD, rows)}\n"
            f"base rate {self.base_rate:.4f}, whose Brier score alone is {uncertain:.4f}"
        )

    def figure(self) -> Figure:
        """A reliability diagram of all rows, with 95 % intervals; ``.savefig(path)`` writes it.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        from secondpass.calibrate.plots import reliability_diagram

        curves = {row.name: row.quality.curve for row in self.rows}
        return reliability_diagram(curves, f"{self.stage}, {self.queries} queries")


def calibration_report(
    stage: Stage,
    judged: Iterable[JudgedQuery],
    methods: Sequence[type[Calibrator]] = SIMPLEST_FIRST,
    folds: int = 5,
) -> CalibrationReport:
    """How well each calibrator would do on new queries like these.

    Every figure after is of queries that the calibrator was not fitted on. Before is the
    calibrator that the pipeline already ends with, as it is; else raw scores as people read them:
    unchanged where all of them lie in [0, 1], through a sigmoid where they do not. Orders are
    calibrated by rank, whatever `methods` says.

    Args:
        stage: Gives raw scores or orders, or is such a pipeline with a calibrator at its end.
        judged: Labelled queries; queries without a relevant candidate belong to them.
        methods: Which calibrators to try on raw scores.
        folds: How many, by query; fewer where there are fewer queries.

    Raises:
        CalibrationError: No query, one class only (in all but one of the folds, too), or scores
            ranked against the labels.
        NotCalibratedError: Probabilities of unknown origin, or another scale for each query.
        MissingExtraError: scikit-learn is not installed.
    """
    if not methods:
        raise InvalidInputError("methods is empty; give calibrators, such as (Platt, Beta)")
    observed = observe(stage, judged)
    labels, parts = pooled(observed.labels), folds_of(observed, folds)
    tried = methods if observed.scale == "raw" else (None,)
    after = []
    for method in tried:
        said = pooled(held_out(observed, method, parts))
        name = method.__name__ if method else "ByRank"
        after.append(MethodReport(name, CalibrationMetrics.of(said, labels)))
    before = _before(stage, observed)
    return CalibrationReport(
        observed.stage.name,
        MethodReport(before[0], CalibrationMetrics.of(before[1], labels)) if before else None,
        tuple(after),
        observed.base_rate,
        len(observed.rankings),
        sum(any(y) for y in observed.labels),
        len(labels),
        len(parts),
    )


def _before(stage: Stage, observed: CalibrationData) -> tuple[str, list[float]] | None:
    last = stage[-1] if isinstance(stage, Pipeline) else stage
    if isinstance(last, Calibrate | CalibrateOrder):
        ranked = last.run(observed.rankings)  # in the same order: no calibrator moves one
        return f"{last.name}, as it is", [s for r in ranked if len(r) for s in r.scores]
    if observed.scale == "order":
        return None
    scores = [s for r in observed.rankings if len(r) for s in r.scores]
    if all(0 <= s <= 1 for s in scores):
        return "raw", scores
    return "sigmoid of raw", [sigmoid(s) for s in scores]
