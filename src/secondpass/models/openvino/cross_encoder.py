"""Cross-encoders on OpenVINO: bfloat16 and int8 where the processor has them, no torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from secondpass.core.errors import InvalidInputError
from secondpass.models.onnx.cross_encoder import OnnxCrossEncoder
from secondpass.models.onnx.scorer import TOKEN_BUDGET
from secondpass.models.openvino.runtime import runtime
from secondpass.models.openvino.session import (
    PRECISIONS,
    OpenVinoSession,
    Precision,
    computed_in,
    found,
    read,
)

TOLERANCES = {"float32": 0.02, "bfloat16": 0.1, "int8": 0.3, "int8-bfloat16": 0.3}
"""Measured on the first built-in model, 120 passages in four ways to batch: below 0.0001, 0.026,
0.17 and 0.17. ONNX Runtime's int8 scores are the steadier ones: 0.0000."""


class OpenVinoCrossEncoder(OnnxCrossEncoder):
    """A sequence-classification model on OpenVINO's CPU, scoring (query, text) pairs, raw logits.

    Reads the same folders as `OnnxCrossEncoder`, those of `secondpass export --int8` and the
    built-in model's own included, and OpenVINO's own .xml. A model with two labels gives the
    difference of its logits. Nothing is reported to anybody, see `openvino_runtime`.

    Args:
        model: Folder or hub id with an .onnx or .xml file, tokenizer.json and config.json.
        precision: What is computed in. "float32" and "bfloat16" for float models; for models
            quantised already "int8" with float32 between the matrix products, or "int8-bfloat16"
            with bfloat16 there, which is faster. "auto": with bfloat16 where the processor
            multiplies in it. The name says which, since the scores differ.
        revision: Branch, tag or commit on the hub.
        file: Which file, relative to the folder; needed where there are several.
        max_length: Longest input in tokens, query and text together. The text is cut to fit, and
            the trail says so.
        token_budget: Padded tokens per batch: speed and memory, never results.
        threads: Batches beside each other; as many as this process may use processors if None.
        verify: Ask the model three easy questions as it loads, and refuse it if it fails.
        on_progress: Called with (pairs done, pairs in all) after each batch.

    Attributes:
        tolerance: How much a score may change with its batch mates (rounding of padded batches).
        computed_in: What "auto" came to, one of the other precisions.

    Raises:
        ModelError: Unreadable, not a cross-encoder, not of this precision, or it failed the check.
        MissingExtraError: openvino, or huggingface-hub for a hub id, is not installed.
        InvalidInputError: An argument that makes no sense.
    """

    # it prepares every new shape anew: fewer batches, of widths that come again
    batch_overhead = 200
    width_step = 8

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        precision: Precision = "auto",
        revision: str | None = None,
        file: str | None = None,
        max_length: int = 512,
        token_budget: int = TOKEN_BUDGET,
        threads: int | None = None,
        verify: bool = True,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        if precision not in PRECISIONS:
            raise InvalidInputError(f"precision={precision!r}; one of {', '.join(PRECISIONS)}")
        self.precision: Precision = precision
        super().__init__(
            model,
            revision=revision,
            file=file,
            max_length=max_length,
            token_budget=token_budget,
            threads=threads,
            verify=verify,
            on_progress=on_progress,
        )

    def _found(self) -> tuple[Path, Path]:
        return found(self.model, self.revision, self.file)

    def _compiled(self, path: Path) -> OpenVinoSession:
        core = runtime().Core()
        graph = read(core, path)
        self.computed_in = computed_in(self.precision, graph, path)
        self.tolerance = TOLERANCES[self.computed_in]
        return OpenVinoSession(core, graph, self.computed_in, self._beside, path)

    def _label(self) -> str:
        return f"openvino:{self.model}"

    def _content(self, files: Sequence[Path]) -> str:
        return f"{super()._content(files)}/{self.computed_in}"

    def _arguments(self) -> dict[str, Any]:
        return {**super()._arguments(), "precision": self.precision}
