"""The built-in model for a hundred languages; its weights are the package secondpass-multilingual.

That package holds data only, and names `stage` in the entry-point group of backends.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from secondpass.core.errors import ModelError
from secondpass.models.builtin.model import PackagedScorer
from secondpass.models.builtin.stages import PackagedModel
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


stage = PackagedModel("builtin-multilingual", BuiltinMultilingual, folder)
