"""The built-in models as stages: what their model strings mean."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from secondpass.core.errors import ModelError
from secondpass.core.stage import Stage
from secondpass.models.builtin import FOLDER, TINY
from secondpass.models.builtin.calibrator_file import read_calibrator
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
    chunks: int | None = None,
    calibrator: str | None = None,
) -> Stage:
    """The built-in model: with its own calibrator ("builtin"), or raw logits ("builtin:raw").

    With `vectors`, the file of `LateInteraction`, texts are read once for all queries. `calibrator`
    takes another than the default, see `read_calibrator`.

    Raises:
        InvalidInputError: There is no such calibrator.
        ModelError: Another name, or the packaged files are damaged.
    """
    make = partial(
        Builtin,
        max_length=max_length,
        token_budget=token_budget,
        threads=threads,
        on_progress=on_progress,
        vectors=vectors,
        chunks=chunks,
    )
    return as_stage("builtin", name, make, FOLDER, calibrator)


def stage_with_vectors(
    name: str,
    *,
    max_length: int = 512,
    token_budget: int = TOKEN_BUDGET,
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    chunks: int | None = None,
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
        chunks=chunks,
    )


def tiny_stage(
    name: str = "",
    *,
    max_length: int = 512,
    token_budget: int = TOKEN_BUDGET,
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    vectors: str | os.PathLike[str] | None = None,
    chunks: int | None = None,
    calibrator: str | None = None,
) -> Stage:
    """The small built-in model: calibrated ("builtin-tiny"), or raw logits ("builtin-tiny:raw").

    With `vectors`, texts are read once for all queries. `calibrator` takes another than the
    default, see `read_calibrator`.

    Raises:
        InvalidInputError: There is no such calibrator.
        ModelError: Another name, or the packaged files are damaged.
    """
    make = partial(
        BuiltinTiny,
        max_length=max_length,
        token_budget=token_budget,
        threads=threads,
        on_progress=on_progress,
        vectors=vectors,
        chunks=chunks,
    )
    return as_stage("builtin-tiny", name, make, TINY, calibrator)


def tiny_stage_with_vectors(
    name: str,
    *,
    max_length: int = 512,
    token_budget: int = TOKEN_BUDGET,
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    chunks: int | None = None,
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
        chunks=chunks,
    )


def as_stage(
    model: str,
    name: str,
    make: Callable[[], PackagedScorer],
    folder: Path,
    calibrator: str | None,
) -> Stage:
    """The model as its string says; its calibrators lie in `folder`."""
    if name not in ("", "raw"):
        raise ModelError(f'there is no built-in model {name!r}; write "{model}" or "{model}:raw"')
    score = Score(make())
    return score if name else score >> read_calibrator(folder, calibrator)
