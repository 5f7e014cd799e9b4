"""The model that ships inside the package: no download, no torch. README.md is its card."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from secondpass.core.errors import ModelError
from secondpass.core.stage import Stage
from secondpass.models.builtin import FOLDER
from secondpass.models.builtin.calibrator_file import read_calibrator
from secondpass.models.loading import TOKEN_BUDGET, InferenceOptions
from secondpass.models.model_files import ModelFolder
from secondpass.models.onnx.late_interaction import LateInteraction
from secondpass.stages.score import Score


@dataclass(kw_only=True, eq=False, repr=False)
class Builtin(LateInteraction):
    """The built-in reranker, giving raw logits; see `LateInteraction` for the arguments."""

    model: str | os.PathLike[str] = field(default=FOLDER, init=False)
    revision: str | None = field(default=None, init=False)
    file: str | None = field(default=None, init=False)
    verify: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        InferenceOptions.__post_init__(self)
        folder = ModelFolder.read(FOLDER, FOLDER / "model.onnx")
        self._load(f"builtin@{folder.digest()}", folder)  # its config.json comes with this code


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
    score = Score(
        Builtin(
            max_length=max_length,
            token_budget=token_budget,
            threads=threads,
            on_progress=on_progress,
            vectors=vectors,
            chunks=chunks,
        )
    )
    if name == "raw":
        return score
    if name:
        raise ModelError(f'there is no built-in model {name!r}; write "builtin" or "builtin:raw"')
    return score >> read_calibrator(FOLDER, calibrator)


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
