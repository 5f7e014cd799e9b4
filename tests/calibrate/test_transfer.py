from __future__ import annotations

import pytest

from secondpass import (
    Calibrate,
    CalibrationError,
    InvalidInputError,
    JudgedQuery,
    Platt,
    Stage,
    calibrated,
)
from secondpass.calibrate import transfer_table


def test_with_and_without_the_correction(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    table = transfer_table(number, {"many": world(80, 0.5), "few": world(80, 0.05, seed=1)})
    assert [(c.fitted_on, c.judged_on) for c in table.cells] == [
        ("many", "many"), ("many", "few"), ("few", "many"), ("few", "few"),
    ]  # fmt: skip
    across = table["many", "few"]
    assert across.corrected is not None
    assert across.shift is not None
    assert across.shift.new_rate == pytest.approx(0.05, abs=0.015)
    assert across.quality.expected_calibration_error > 0.1
    assert across.corrected.expected_calibration_error < 0.03
    assert across.corrected.log_loss < across.quality.log_loss
    own = table["few", "few"]
    assert own.corrected is None
    assert own.quality.expected_calibration_error < 0.03
    assert "many" in str(table)
    assert f"{across.quality.expected_calibration_error:.3f}" in str(table)
    with pytest.raises(KeyError):
        table["many", "none"]


def test_scores_that_moved_are_not_repaired(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    """Same base rate, lower scores: the correction takes them for fewer relevant ones."""
    table = transfer_table(number, {"a": world(80), "b": world(80, seed=1, moved=-1.5)})
    cell = table["a", "b"]
    assert cell.corrected is not None
    assert (
        cell.corrected.expected_calibration_error > cell.quality.expected_calibration_error > 0.05
    )


def test_the_calibrator_that_is_there_has_its_own_row(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    shipped = calibrated(number, world(80, 0.5))
    table = transfer_table(shipped, {"few": world(60, 0.05, seed=1)})
    cell = table["as it is", "few"]
    assert cell.corrected is not None
    unknown = number >> Calibrate(Platt(4 / 3, 0.0), "number@1")
    silent = transfer_table(unknown, {"few": world(60, 0.05, seed=1)})["as it is", "few"]
    assert silent.corrected is None
    assert "not known" in silent.refused
    told = transfer_table(unknown, {"few": world(60, 0.05, seed=1)}, base_rate=0.5)
    corrected = told["as it is", "few"].corrected
    assert corrected is not None
    assert corrected.expected_calibration_error < 0.03


def test_a_refused_correction_says_why(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    table = transfer_table(number, {"a": world(40), "b": world(40, seed=1, moved=-30.0)})
    assert table["a", "b"].corrected is None
    assert "runs to 0" in table["a", "b"].refused


def test_bad_input_is_named(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidInputError, match="two collections"):
        transfer_table(number, {"a": world(10)})
    bad = [JudgedQuery.of(q, ["1", "2"], []) for q in "abc"]
    with pytest.raises(CalibrationError, match=r"^bad: all 6 labelled pairs"):
        transfer_table(number, {"good": world(10), "bad": bad})
