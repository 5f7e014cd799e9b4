"""The built-in models as stages: what their model strings mean."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from secondpass.core.errors import ModelError
from secondpass.core.stage import Stage
from secondpass.models.builtin import FOLDER, TINY
from secondpass.models.builtin.calibrator_file import read_calibrator
from secondpass.models.builtin.model import Builtin, BuiltinTiny, PackagedScorer
from secondpass.models.loading import TOKEN_BUDGET
from secondpass.stages.score import Score


class PackagedModel:
    """Makes the stages of one built-in model: the backend behind its model strings.

    Args:
        model: The string, such as "builtin".
        scorer: What gives the raw logits.
        folder: Where its calibrators lie.
    """

    def __init__(
        self, model: str, scorer: type[PackagedScorer], folder: Callable[[], Path]
    ) -> None:
        self._model, self._scorer, self._folder = model, scorer, folder

    def __call__(
        self,
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
        """The model with its own calibrator ("builtin"), or raw logits ("builtin:raw").

        With `vectors`, the file of `LateInteraction`, texts are read once for all queries.
        `calibrator` takes another than the default, see `read_calibrator`.

        Raises:
            InvalidInputError: There is no such calibrator.
            ModelError: Another name, or its files are damaged or not there.
        """
        if name not in ("", "raw"):
            raise ModelError(
                f'there is no built-in model {name!r}; write "{self._model}" or "{self._model}:raw"'
            )
        score = Score(
            self._scorer(
                max_length=max_length,
                token_budget=token_budget,
                threads=threads,
                on_progress=on_progress,
                vectors=vectors,
                chunks=chunks,
            )
        )
        return score if name else score >> read_calibrator(self._folder(), calibrator)

    def with_vectors(
        self,
        name: str,
        *,
        max_length: int = 512,
        token_budget: int = TOKEN_BUDGET,
        threads: int | None = None,
        on_progress: Callable[[int, int], None] | None = None,
        chunks: int | None = None,
    ) -> Stage:
        """The model with the texts' vectors kept in the file `name` ("builtin-split:FILE").

        Raises:
            ModelError: The file holds something else, or the model's files are damaged.
        """
        return self(
            max_length=max_length,
            token_budget=token_budget,
            threads=threads,
            on_progress=on_progress,
            vectors=name,
            chunks=chunks,
        )


builtin = PackagedModel("builtin", Builtin, lambda: FOLDER)
builtin_split = builtin.with_vectors
tiny = PackagedModel("builtin-tiny", BuiltinTiny, lambda: TINY)
tiny_split = tiny.with_vectors
