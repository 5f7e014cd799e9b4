"""The built-in models as stages: what their model strings mean."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from secondpass.calibrate import Beta, Calibrate
from secondpass.core.errors import ModelError
from secondpass.core.stage import Stage
from secondpass.models.builtin import FOLDER, TINY
from secondpass.models.builtin.model import Builtin, BuiltinTiny, PackagedScorer
from secondpass.models.loading import TOKEN_BUDGET
from secondpass.stages.score import Score


def stage(
    name: str = "",
    *,
    max_length: int = 512,
    token_budget: int = TOKEN_BUDGET,
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    vectors: str | os.PathLike[str] | None = None,
) -> Stage:
    """The built-in model: with its own calibrator ("builtin"), or raw logits ("builtin:raw").

    With `vectors`, the file of `LateInteraction`, texts are read once for all queries.

    Raises:
        ModelError: Another name, or the packaged files are damaged.
    """
    make = partial(
        Builtin,
        max_length=max_length,
        token_budget=token_budget,
        threads=threads,
        on_progress=on_progress,
        vectors=vectors,
    )
    return as_stage("builtin", name, make, FOLDER)


def stage_with_vectors(
    name: str,
    *,
    max_length: int = 512,
    token_budget: int = TOKEN_BUDGET,
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Stage:
    """The built-in model with the texts' vectors kept in the file `name` ("builtin-split:FILE").

    Raises:
        ModelError: The file holds something else, or the packaged files are damaged.
    """
    return stage(
        max_length=max_length,
        token_budget=token_budget,
        threads=threads,
        on_progress=on_progress,
        vectors=name,
    )


def tiny_stage(
    name: str = "",
    *,
    max_length: int = 512,
    token_budget: int = TOKEN_BUDGET,
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    vectors: str | os.PathLike[str] | None = None,
) -> Stage:
    """The small built-in model: calibrated ("builtin-tiny"), or raw logits ("builtin-tiny:raw").

    With `vectors`, texts are read once for all queries.

    Raises:
        ModelError: Another name, or the packaged files are damaged.
    """
    make = partial(
        BuiltinTiny,
        max_length=max_length,
        token_budget=token_budget,
        threads=threads,
        on_progress=on_progress,
        vectors=vectors,
    )
    return as_stage("builtin-tiny", name, make, TINY)


def tiny_stage_with_vectors(
    name: str,
    *,
    max_length: int = 512,
    token_budget: int = TOKEN_BUDGET,
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Stage:
    """The small built-in model with its file of texts ("builtin-tiny-split:FILE").

    Raises:
        ModelError: The file holds something else, or the packaged files are damaged.
    """
    return tiny_stage(
        max_length=max_length,
        token_budget=token_budget,
        threads=threads,
        on_progress=on_progress,
        vectors=name,
    )


def as_stage(model: str, name: str, make: Callable[[], PackagedScorer], folder: Path) -> Stage:
    """The model as its string says; its calibrator lies in `folder`."""
    if name not in ("", "raw"):
        raise ModelError(f'there is no built-in model {name!r}; write "{model}" or "{model}:raw"')
    score = Score(make())
    return score if name else score >> _calibrator(folder)


def _calibrator(folder: Path) -> Calibrate:
    try:
        fitted = json.loads((folder / "calibrator.json").read_text(encoding="utf-8"))
        curve, origin = Beta(**fitted["beta"]), fitted["fitted_on"]
        return Calibrate(curve, origin, base_rate=fitted["base_rate"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"the built-in model's calibrator is damaged ({error}); install secondpass again"
        ) from error
