"""What a calibrator fitted on one collection is worth on another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from secondpass.calibrate.calibration_data import (
    CalibrationData,
    Method,
    fit_calibrator,
    observe,
    pooled,
)
from secondpass.calibrate.cross_validation import make_folds, predict_held_out
from secondpass.calibrate.methods.platt import Platt
from secondpass.calibrate.report import CalibrationMetrics
from secondpass.calibrate.stages import CalibrationStage
from secondpass.core.errors import CalibrationError, InvalidInputError
from secondpass.core.judged import JudgedQuery
from secondpass.core.printing import format_table, short_repr
from secondpass.core.stage import Stage

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
    """

    fitted_on: str
    judged_on: str
    quality: CalibrationMetrics


@short_repr
@dataclass(frozen=True, slots=True)
class TransferTable:
    """Every pair of collections. Print it: the calibration error, a row for each fit."""

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
        rows: list[list[str | float | None]] = [
            [name, *(f"{self[name, c].quality.expected_calibration_error:.3f}" for c in columns)]
            for name in dict.fromkeys(c.fitted_on for c in self.cells)
        ]
        return (
            f"{self.stage}, {self.method}: expected calibration error; rows fitted, columns "
            f"judged, the diagonal cross-validated\n{format_table(['', *columns], rows)}"
        )


def transfer_table(
    stage: Stage,
    collections: Mapping[str, Iterable[JudgedQuery]],
    *,
    method: Method = Platt,
    folds: int = 5,
) -> TransferTable:
    """Fit on each collection, judge on each.

    The model runs once over each collection. A calibrator that the pipeline ends with is judged
    too, in a row of its own.

    Args:
        stage: Gives raw scores or orders, or is such a pipeline with a calibrator at its end.
        collections: Labelled queries by name.
        method: For raw scores; orders are calibrated by rank.
        folds: For the diagonal.

    Raises:
        InvalidInputError: Fewer than two collections and nothing to transfer.
        CalibrationError: A collection that cannot be fitted on; its name is in the message.
        MissingExtraError: scikit-learn is not installed.
    """
    last = stage.parts[-1]
    shipped = last if isinstance(last, CalibrationStage) else None
    if len(collections) < (1 if shipped else 2):
        raise InvalidInputError("give two collections or more; from one alone nothing transfers")
    fits: dict[str, CalibrationStage] = {}
    data: dict[str, CalibrationData] = {}
    for name, judged in collections.items():
        try:
            data[name] = observe(stage, judged)
            fits[name] = fit_calibrator(data[name], method)
        except CalibrationError as error:
            raise CalibrationError(f"{name}: {error}") from error
    rows = {SHIPPED: shipped, **fits} if shipped else fits
    cells = []
    for name, calibrate in rows.items():
        for other, there in data.items():
            if name == other and name in fits:
                probabilities = predict_held_out(there, method, make_folds(there, folds))
            else:
                probabilities = [calibrate.probabilities(r) for r in there.rankings]
            quality = CalibrationMetrics.of(pooled(probabilities), pooled(there.labels))
            cells.append(Transfer(name, other, quality))
    first = next(iter(data.values()))
    kind = method.__name__ if first.scale == "raw" else "ByRank"
    return TransferTable(first.stage.name, kind, tuple(cells))
