"""Cross-encoders on OpenVINO: bfloat16 and int8 where the processor has them, no torch."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from secondpass.core.errors import InvalidInputError
from secondpass.models.batching import BatchedSession
from secondpass.models.encoding.encoders import PairEncoder, longest_input
from secondpass.models.inference import (
    ClassLogits,
    PairScorer,
)
from secondpass.models.loading import InferenceOptions, run_smoke_test
from secondpass.models.model_files import ModelFolder
from secondpass.models.openvino.session import (
    PRECISIONS,
    OpenVinoSession,
    Precision,
    find_model,
    import_openvino,
    read_graph,
    resolve_precision,
)

TOLERANCES = {"float32": 0.02, "bfloat16": 0.1, "int8": 0.3, "int8-bfloat16": 0.3}
"""Measured on the first built-in model, 120 passages batched in four ways: below 0.0001, 0.026,
0.17 and 0.17. ONNX Runtime's int8 scores are the steadier ones: 0.0000."""


@dataclass(kw_only=True, eq=False, repr=False)
class OpenVinoCrossEncoder(InferenceOptions, PairScorer):
    """A sequence-classification model on OpenVINO's CPU, scoring (query, text) pairs, raw logits.

    Reads the same folders as `OnnxCrossEncoder`, those of `secondpass export --int8` and the
    built-in model's own included, and OpenVINO's own .xml. A model with two labels gives the
    difference of its logits. OpenVINO's telemetry is off, see `secondpass.models.openvino.session`.

    Args:
        model: Folder or hub id with an .onnx or .xml file, tokenizer.json and config.json.
        precision: The arithmetic. "float32" and "bfloat16" for float models; for models
            quantised already "int8" with float32 between the matrix products, or "int8-bfloat16"
            with bfloat16 there, which is faster. "auto": with bfloat16 where the processor
            multiplies in it. The name says which, since the scores differ.
        revision: Branch, tag or commit on the hub.
        file: Which file, relative to the folder; needed where there are several.
        max_length: Longest input in tokens, query and text together. The text is cut to fit, the
            query only where it does not fit by itself, and the trail says so.
        token_budget: Padded tokens per batch: speed and memory, never results.
        threads: Batches that run at the same time; as many as this process may use processors if
            None.
        verify: Give the model three easy questions as it loads, and refuse it if it fails.
        on_progress: Called with (pairs done, pairs in all) after each batch.

    Attributes:
        tolerance: How much a score may change with its batch mates (rounding of padded batches).
        computed_in: The precision that is used, never "auto".

    Raises:
        ModelError: Unreadable, not a cross-encoder, not of this precision, or it failed the check.
        MissingExtraError: openvino, or huggingface-hub for a hub id, is not installed.
        InvalidInputError: An argument that makes no sense.
    """

    model: str | os.PathLike[str] = field(kw_only=False)
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            options = ", ".join(PRECISIONS)
            raise InvalidInputError(f"precision={self.precision!r}; one of {options}")
        super().__post_init__()
        self.model = os.fspath(self.model)
        self.folder, file = find_model(self.model, self.revision, self.file)
        folder = ModelFolder.read(self.folder, file)
        core = import_openvino().Core()
        graph = read_graph(core, file)
        self.computed_in = resolve_precision(self.precision, graph, file)
        self.tolerance = TOLERANCES[self.computed_in]
        session = OpenVinoSession(core, graph, self.computed_in, self.workers, file)
        name = f"openvino:{self.model}@{folder.digest()}/{self.computed_in}"
        longest = longest_input(self.max_length, folder.config)
        PairScorer.__init__(
            self,
            name,
            PairEncoder(folder.tokenizer, longest),
            BatchedSession(
                session,
                folder.pad_id(),
                longest,
                self.token_budget,
                self.workers,
                # OpenVINO prepares every new shape anew: fewer batches, of widths that come again
                batch_overhead=200,
                width_step=8,
            ),
            ClassLogits.find(session, name),
            self.on_progress,
        )
        if self.verify:
            run_smoke_test(self.name, self.score)
