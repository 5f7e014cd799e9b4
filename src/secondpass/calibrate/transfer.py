"""What a calibrator fitted on one collection is worth on another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from secondpass.calibrate.calibration_data import CalibrationData, fitted, observe, pooled
from secondpass.calibrate.cross_validation import folds_of, held_out
from secondpass.calibrate.methods.platt import Platt
from secondpass.calibrate.metrics.summary import CalibrationMetrics
from secondpass.calibrate.prior_shift import PriorShift
from secondpass.calibrate.stages import Calibrate, CalibrateOrder, Calibrator
from secondpass.core.errors import CalibrationError, InvalidInputError
from secondpass.core.judged import JudgedQuery
from secondpass.core.short_repr import short_repr
from secondpass.core.stage import Pipeline, Stage
from secondpass.core.text_table import format_table

SHIPPED = "as it is"
"""Row of the calibrator that the pipeline came with."""


@short_repr
@dataclass(frozen=True, slots=True)
class Transfer:
    """Fitted here, judged there.

    Attributes:
        fitted_on: Name of a collection, or `SHIPPED`.
        judged_on: Name of a collection; where it is the same, the figures are cross-validated by
            query.
        quality: What the probabilities are worth there.
        corrected: The same after the prior-shift correction from that collection's rankings, whose
            labels it does not see; None on the diagonal, and where it refused.
        shift: What the correction found; None where there is none.
        refused: Why there is no correction; empty where there is one.
    """

    fitted_on: str
    judged_on: str
    quality: CalibrationMetrics
    corrected: CalibrationMetrics | None
    shift: PriorShift | None
    refused: str


@short_repr
@dataclass(frozen=True, slots=True)
class TransferTable:
    """Every pair of collections. Print it: plain / corrected ECE, a row for each fit."""

    stage: str
    method: str
    cells: tuple[Transfer, ...]

    def __getitem__(self, names: tuple[str, str]) -> Transfer:
        """The cell of (fitted_on, judged_on)."""
        for cell in self.cells:
            if (cell.fitted_on, cell.judged_on) == names:
                return cell
        raise KeyError(names)

    def __str__(self) -> str:
        columns = list(dict.fromkeys(c.judged_on for c in self.cells))
        rows: list[list[str | float | None]] = []
        for name in dict.fromkeys(c.fitted_on for c in self.cells):
            row: list[str | float | None] = [name]
            for column in columns:
                cell = self[name, column]
                after = (
                    f"{cell.corrected.expected_calibration_error:.3f}" if cell.corrected else "-"
                )
                row.append(f"{cell.quality.expected_calibration_error:.3f} / {after}")
            rows.append(row)
        return (
            f"{self.stage}, {self.method}: ECE plain / after prior-shift correction; rows fitted, "
            f"columns judged, the diagonal cross-validated\n{format_table(['', *columns], rows)}"
        )


def transfer_table(
    stage: Stage,
    collections: Mapping[str, Iterable[JudgedQuery]],
    *,
    method: type[Calibrator] = Platt,
    folds: int = 5,
    base_rate: float | None = None,
) -> TransferTable:
    """Fit on each collection, judge on each, with and without the correction for the base rate.

    The model runs once over each collection. A calibrator that the pipeline ends with is judged
    too, in a row of its own.

    Args:
        stage: Gives raw scores or orders, or is such a pipeline with a calibrator at its end.
        collections: Labelled queries by name.
        method: For raw scores; orders are calibrated by rank.
        folds: For the diagonal.
        base_rate: That of the calibrator at the pipeline's end, if it does not know it.

    Raises:
        InvalidInputError: Fewer than two collections and nothing to transfer.
        CalibrationError: A collection that cannot be fitted on; its name is in the message.
        MissingExtraError: scikit-learn is not installed.
    """
    last = stage[-1] if isinstance(stage, Pipeline) else stage
    shipped = last if isinstance(last, Calibrate | CalibrateOrder) else None
    if len(collections) < (1 if shipped else 2):
        raise InvalidInputError("give two collections or more; from one alone nothing transfers")
    fits: dict[str, Calibrate | CalibrateOrder] = {}
    seen: dict[str, CalibrationData] = {}
    for name, judged in collections.items():
        try:
            seen[name] = observe(stage, judged)
            fits[name] = fitted(seen[name], method)
        except CalibrationError as error:
            raise CalibrationError(f"{name}: {error}") from error
    cells = []
    if shipped:
        rate = shipped.base_rate if base_rate is None else base_rate
        cells = [_cell(SHIPPED, shipped, rate, name, there) for name, there in seen.items()]
    for name, fit in fits.items():
        for other, there in seen.items():
            if other == name:
                said = held_out(there, method, folds_of(there, folds))
                quality = CalibrationMetrics.of(pooled(said), pooled(there.labels))
                cells.append(Transfer(name, name, quality, None, None, "fitted on this collection"))
            else:
                cells.append(_cell(name, fit, fit.base_rate, other, there))
    first = next(iter(seen.values()))
    kind = method.__name__ if first.scale == "raw" else "ByRank"
    return TransferTable(first.stage.name, kind, tuple(cells))


def _cell(
    name: str,
    fit: Calibrate | CalibrateOrder,
    rate: float | None,
    other: str,
    there: CalibrationData,
) -> Transfer:
    said = [fit.probabilities(r) for r in there.rankings]
    labels = pooled(there.labels)
    quality = CalibrationMetrics.of(pooled([fit.stated(r) for r in there.rankings]), labels)
    if rate is None:
        refused = "the base rate of this calibrator is not known"
        return Transfer(name, other, quality, None, None, refused)
    try:
        shift = PriorShift.estimate(said, rate)
    except CalibrationError as error:
        return Transfer(name, other, quality, None, None, str(error))
    corrected = CalibrationMetrics.of([shift.correct(p) for p in pooled(said)], labels)
    return Transfer(name, other, quality, corrected, shift, "")
