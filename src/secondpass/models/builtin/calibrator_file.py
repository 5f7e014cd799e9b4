"""The calibrators that come with a built-in model: `training/calibrate_builtin.py` fits them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from secondpass.calibrate import Beta, Calibrate, CalibrateInList, CalibrationStage, InList
from secondpass.core.errors import InvalidInputError, ModelError


def read_calibrator(folder: Path, kind: str | None = None) -> CalibrationStage:
    """Of the model whose files are in a folder.

    Args:
        folder: Holds calibrator.json.
        kind: One of those that the file has: "beta" sees the score alone, "by_query" also how long
            the query is, and "in_list" the whole list. None for the one that is the default.

    Raises:
        InvalidInputError: The file has no such calibrator.
        ModelError: The file is damaged.
    """
    try:
        fitted = json.loads((folder / "calibrator.json").read_text(encoding="utf-8"))
        kinds = [name for name, values in fitted.items() if isinstance(values, dict)]
        kind = fitted.get("ships", "beta") if kind is None else kind
        if kind in kinds:
            return _stage(kind, fitted)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InvalidInputError) as error:
        raise ModelError(
            f"the built-in model's calibrator is damaged ({error}); install secondpass again"
        ) from error
    raise InvalidInputError(
        f"calibrator={kind!r}: this built-in model has {', '.join(map(repr, kinds))}"
    )


def _stage(kind: str, fitted: dict[str, Any]) -> CalibrationStage:
    values, origin, rate = fitted[kind], fitted["fitted_on"], fitted["base_rate"]
    if not isinstance(origin, str):
        raise TypeError(f"fitted_on is {origin!r}")
    if kind == "beta":
        return Calibrate(Beta(**values), origin, base_rate=rate)
    lists: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in values.items()}
    return CalibrateInList(InList(**lists), origin, base_rate=rate)
