"""What a stage's scores are worth as probabilities, before and after each calibrator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secondpass.calibrate.calibration_data import CalibrationData, Method, observe, pooled
from secondpass.calibrate.cross_validation import SIMPLEST_FIRST, make_folds, predict_held_out
from secondpass.calibrate.metrics.brier import BrierDecomposition, brier_decomposition
from secondpass.calibrate.metrics.calibration_error import (
    ReliabilityPoint,
    class_balanced_calibration_error,
    expected_calibration_error,
    reliability_curve,
)
from secondpass.calibrate.metrics.log_loss import log_loss
from secondpass.calibrate.stages import CalibrationStage
from secondpass.core.errors import InvalidInputError
from secondpass.core.formulas import sigmoid
from secondpass.core.judged import JudgedQuery
from secondpass.core.printing import format_table, short_repr
from secondpass.core.stage import Stage

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEAD = (
    "", "log loss", "ECE", "balanced ECE", "Brier", "reliability", "resolution", "mean P",
)  # fmt: skip


@short_repr
@dataclass(frozen=True, slots=True)
class CalibrationMetrics:
    """What probabilities are worth on labelled pairs. Lower is better in all but `resolution`.

    Attributes:
        log_loss: See `log_loss`; in nats.
        expected_calibration_error: See the function of this name; in [0, 1].
        class_balanced_calibration_error: See the function of this name; in [0, 1].
        brier: See `BrierDecomposition`; `brier_score` is their sum.
        base_rate: Share of relevant pairs.
        mean_probability: What was stated on average; the base rate if calibrated.
        curve: See `reliability_curve`.
    """

    log_loss: float
    expected_calibration_error: float
    class_balanced_calibration_error: float
    brier: BrierDecomposition
    base_rate: float
    mean_probability: float
    curve: tuple[ReliabilityPoint, ...]

    @classmethod
    def of(cls, probabilities: Sequence[float], labels: Sequence[bool | int]) -> CalibrationMetrics:
        """Measure.

        Raises:
            InvalidInputError: One class only, or see `expected_calibration_error`.
        """
        return cls(
            log_loss=log_loss(probabilities, labels),
            expected_calibration_error=expected_calibration_error(probabilities, labels),
            class_balanced_calibration_error=class_balanced_calibration_error(
                probabilities, labels
            ),
            brier=brier_decomposition(probabilities, labels),
            base_rate=sum(labels) / len(labels),
            mean_probability=sum(probabilities) / len(probabilities),
            curve=reliability_curve(probabilities, labels),
        )

    @property
    def brier_score(self) -> float:
        """See `brier_score`."""
        return self.brier.score


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
        before: The pipeline as it is, without any fit here, see `calibration_report`; None for
            orders, which have no probabilities.
        after: Each calibrator, cross-validated by query.
        base_rate: Share of relevant pairs.
        queries: Number of labelled queries.
        answerable: Number of them that have a relevant candidate.
        pairs: Number of their candidates.
        folds: Number of folds, by query.
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
    methods: Sequence[Method] = SIMPLEST_FIRST,
    folds: int = 5,
) -> CalibrationReport:
    """How well each calibrator would do on new queries like these.

    Every figure of `after` is of queries that the calibrator was not fitted on. `before` is the
    calibrator that the pipeline already ends with, as it is; else raw scores as people read them:
    unchanged where all of them lie in [0, 1], through a sigmoid where they do not. Orders are
    calibrated by rank, whatever `methods` says.

    Args:
        stage: Gives raw scores or orders, or is such a pipeline with a calibrator at its end.
        judged: Labelled queries; queries without a relevant candidate belong to them.
        methods: Which calibrators to try on raw scores.
        folds: Number of folds, by query; fewer where there are fewer queries.

    Raises:
        CalibrationError: No query, one class only (in all but one of the folds, too), or scores
            ranked against the labels.
        NotCalibratedError: Probabilities of unknown origin, or another scale for each query.
        MissingExtraError: scikit-learn is not installed.
    """
    if not methods:
        raise InvalidInputError("methods is empty; give calibrators, such as (Platt, Beta)")
    observed = observe(stage, judged)
    labels, parts = pooled(observed.labels), make_folds(observed, folds)
    candidates = methods if observed.scale == "raw" else (None,)
    after = []
    for method in candidates:
        probabilities = pooled(predict_held_out(observed, method, parts))
        name = method.__name__ if method else "ByRank"
        after.append(MethodReport(name, CalibrationMetrics.of(probabilities, labels)))
    before = _before(stage, observed)
    return CalibrationReport(
        stage=observed.stage.name,
        before=MethodReport(before[0], CalibrationMetrics.of(before[1], labels))
        if before
        else None,
        after=tuple(after),
        base_rate=observed.base_rate,
        queries=len(observed.rankings),
        answerable=sum(any(y) for y in observed.labels),
        pairs=len(labels),
        folds=len(parts),
    )


def _before(stage: Stage, observed: CalibrationData) -> tuple[str, list[float]] | None:
    last = stage.parts[-1]
    if isinstance(last, CalibrationStage):
        rankings = last.run(observed.rankings)  # in the same order: no calibrator moves one
        return f"{last.name}, as it is", [s for r in rankings if len(r) for s in r.scores]
    if observed.scale == "order":
        return None
    scores = [s for r in observed.rankings if len(r) for s in r.scores]
    if all(0 <= s <= 1 for s in scores):
        return "raw", scores
    return "sigmoid of raw", [sigmoid(s) for s in scores]
