"""The calibrators that a built-in model comes with."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from secondpass import Beta, Calibrate, InvalidInputError, ModelError
from secondpass.calibrate import CalibrateInList, InList
from secondpass.models.builtin.calibrator_file import read_calibrator

BETA = Beta(0.5, 1.0, -2.0, 0.0, 1.0)
IN_LIST = InList(("low", "gap"), (0.5, 1.0), -1.0, 0.0, 2.0, (-9.0, -9.0), (0.0, 0.0))


def _write(folder: Path, **changed: Any) -> None:
    values = {
        "fitted_on": "model@1",
        "base_rate": 0.2,
        "ships": "in_list",
        "beta": asdict(BETA),
        "in_list": asdict(IN_LIST),
    }
    (folder / "calibrator.json").write_text(json.dumps(values | changed))


def test_it_has_a_default_and_others_by_name(tmp_path: Path) -> None:
    _write(tmp_path)
    default, beta = read_calibrator(tmp_path), read_calibrator(tmp_path, "beta")
    assert isinstance(default, CalibrateInList)
    assert (default.calibrator, default.fitted_on, default.base_rate) == (IN_LIST, "model@1", 0.2)
    assert isinstance(beta, Calibrate)
    assert beta.calibrator == BETA
    with pytest.raises(InvalidInputError, match=r"calibrator='platt': .* 'beta', 'in_list'"):
        read_calibrator(tmp_path, "platt")


@pytest.mark.parametrize("changed", [{"in_list": {"weights": [1]}}, {"fitted_on": 3}])
def test_a_damaged_file_says_so(tmp_path: Path, changed: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="damaged"):
        read_calibrator(tmp_path)  # there is none
    (tmp_path / "calibrator.json").write_text("[]")
    with pytest.raises(ModelError, match="damaged"):
        read_calibrator(tmp_path)
    _write(tmp_path, **changed)
    with pytest.raises(ModelError, match="damaged"):
        read_calibrator(tmp_path)
