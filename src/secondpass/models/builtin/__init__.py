"""The model that ships inside the package: no download, no torch. README.md is its card."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from secondpass.calibrate import Beta, Calibrate
from secondpass.core.errors import ModelError
from secondpass.core.stage import Stage
from secondpass.models.digest import digest
from secondpass.models.onnx.late_interaction import LateInteraction
from secondpass.models.onnx.scorer import TOKEN_BUDGET
from secondpass.stages.score import Score

FOLDER = Path(__file__).parent


class Builtin(LateInteraction):
    """The built-in reranker, giving raw logits; see `LateInteraction` for the arguments."""

    def __init__(
        self,
        *,
        vectors: str | os.PathLike[str] | None = None,
        max_length: int = 512,
        token_budget: int = TOKEN_BUDGET,
        threads: int | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        super().__init__(
            FOLDER,
            vectors=vectors,
            max_length=max_length,
            token_budget=token_budget,
            threads=threads,
            on_progress=on_progress,
        )

    def _label(self) -> str:
        return "builtin"

    def _content(self, files: Sequence[Path]) -> str:  # its config.json comes with this code
        return digest(*files, self.folder / "tokenizer.json")

    def _arguments(self) -> dict[str, Any]:
        return {n: getattr(self, n) for n in ("vectors", "max_length", "token_budget", "threads")}


def stage(
    name: str = "",
    *,
    vectors: str | os.PathLike[str] | None = None,
    max_length: int = 512,
    token_budget: int = TOKEN_BUDGET,
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Stage:
    """The built-in model: with its own calibrator ("builtin"), or raw logits ("builtin:raw").

    With `vectors`, the file of `LateInteraction`, texts are read once for all queries.

    Raises:
        ModelError: Another name, or the packaged files are damaged.
    """
    score = Score(
        Builtin(
            vectors=vectors,
            max_length=max_length,
            token_budget=token_budget,
            threads=threads,
            on_progress=on_progress,
        )
    )
    if name == "raw":
        return score
    if name:
        raise ModelError(f'there is no built-in model {name!r}; write "builtin" or "builtin:raw"')
    return score >> _calibrator()


def split(
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
        vectors=name,
        max_length=max_length,
        token_budget=token_budget,
        threads=threads,
        on_progress=on_progress,
    )


def _calibrator() -> Calibrate:
    try:
        fitted = json.loads((FOLDER / "calibrator.json").read_text(encoding="utf-8"))
        curve, origin = Beta(**fitted["beta"]), fitted["fitted_on"]
        return Calibrate(curve, origin, base_rate=fitted["base_rate"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"the built-in model's calibrator is damaged ({error}); install secondpass again"
        ) from error
