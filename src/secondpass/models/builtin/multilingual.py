"""The built-in model for a hundred languages; its weights are the package secondpass-multilingual.

That package holds data only, and names `stage` in the entry-point group of backends.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from secondpass.core.errors import ModelError
from secondpass.core.stage import Stage
from secondpass.models.builtin.model import PackagedScorer
from secondpass.models.builtin.stages import as_stage
from secondpass.models.loading import TOKEN_BUDGET
from secondpass.models.model_files import ModelFolder
from secondpass.models.onnx.late_interaction import open_late_interaction

PACKAGE = "secondpass_multilingual"


@dataclass(kw_only=True, eq=False, repr=False)
class BuiltinMultilingual(PackagedScorer):
    """The built-in reranker for a hundred languages, giving raw logits.

    Late interaction on multilingual-e5-small; see `LateInteraction` for the arguments.

    Raises:
        ModelError: The package is not installed, or was installed without its weights.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        path = folder()
        model = ModelFolder.read(path, path / "model.onnx")
        name = f"builtin-multilingual@{model.digest('config.json')}"
        self._start(name, model, *open_late_interaction(model, name))


def folder() -> Path:
    """Where the package keeps the model.

    Raises:
        ModelError: It is not installed, or was installed without its weights.
    """
    package = find_spec(PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise ModelError(
            "'builtin-multilingual' is a package of its own: pip install secondpass-multilingual"
        )
    path = Path(package.submodule_search_locations[0]) / "model"
    if not (path / "model.onnx").is_file():
        raise ModelError(
            f"{os.fspath(path)!r} holds no weights: install the package's wheel, or make them in "
            "its source with training/build_multilingual.py"
        )
    return path


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
    """Calibrated ("builtin-multilingual"), or raw logits ("builtin-multilingual:raw").

    With `vectors`, the file of `LateInteraction`, texts are read once for all queries. `calibrator`
    takes another than the default, see `read_calibrator`.

    Raises:
        InvalidInputError: There is no such calibrator.
        ModelError: Another name, or the package is not installed as it should be.
    """
    make = partial(
        BuiltinMultilingual,
        max_length=max_length,
        token_budget=token_budget,
        threads=threads,
        on_progress=on_progress,
        vectors=vectors,
        chunks=chunks,
    )
    return as_stage("builtin-multilingual", name, make, folder(), calibrator)
