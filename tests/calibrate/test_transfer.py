from __future__ import annotations

import pytest

from secondpass import (
    CalibrationError,
    InvalidInputError,
    JudgedQuery,
    Stage,
    calibrated,
)
from secondpass.calibrate import transfer_table


def test_every_pair_of_collections(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    table = transfer_table(number, {"many": world(80, 0.5), "few": world(80, 0.05, seed=1)})
    assert [(c.fitted_on, c.judged_on) for c in table.cells] == [
        ("many", "many"), ("many", "few"), ("few", "many"), ("few", "few"),
    ]  # fmt: skip
    across, own = table["many", "few"], table["few", "few"]
    assert across.quality.expected_calibration_error > 0.1
    assert own.quality.expected_calibration_error < 0.03
    assert "many" in str(table)
    assert f"{across.quality.expected_calibration_error:.3f}" in str(table)
    with pytest.raises(KeyError):
        table["many", "none"]


def test_the_calibrator_that_is_there_has_its_own_row(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    shipped = calibrated(number, world(80, 0.5)).pipeline
    few = world(60, 0.05, seed=1)
    table = transfer_table(shipped, {"few": few})
    assert [(c.fitted_on, c.judged_on) for c in table.cells] == [
        ("as it is", "few"), ("few", "few"),
    ]  # fmt: skip
    assert table["as it is", "few"].quality.expected_calibration_error > 0.1
    both = transfer_table(number, {"many": world(80, 0.5), "few": few})
    assert table["as it is", "few"].quality == both["many", "few"].quality


def test_bad_input_is_named(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidInputError, match="two collections"):
        transfer_table(number, {"a": world(10)})
    bad = [JudgedQuery.of(q, ["1", "2"], []) for q in "abc"]
    with pytest.raises(CalibrationError, match=r"^bad: all 6 labelled pairs"):
        transfer_table(number, {"good": world(10), "bad": bad})
