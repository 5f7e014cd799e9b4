"""Cross-encoders on ONNX Runtime: no torch, bounded memory."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from secondpass.models.batching import BatchedSession
from secondpass.models.encoding.encoders import PairEncoder, longest_input
from secondpass.models.inference import (
    ClassLogits,
    PairScorer,
)
from secondpass.models.loading import InferenceOptions, run_smoke_test
from secondpass.models.model_files import MODEL_FILES, ModelFolder, fetch, find_file
from secondpass.models.onnx.session import OnnxSession


@dataclass(kw_only=True, eq=False, repr=False)
class OnnxCrossEncoder(InferenceOptions, PairScorer):
    """A sequence-classification model in ONNX form, scoring (query, text) pairs with raw logits.

    A model with two labels gives the difference of its logits. int8 and float models alike.
    Scores do not depend on the other pairs but for rounding, see `tolerance`.

    Args:
        model: Folder or hub id with an .onnx file, tokenizer.json and config.json.
        revision: Branch, tag or commit on the hub.
        file: Which .onnx file, relative to the folder; needed where there are several.
        max_length: Longest input in tokens, query and text together. The text is cut to fit, the
            query only where it does not fit by itself, and the trail says so.
        token_budget: Padded tokens per batch: speed and memory, never results.
        threads: Batches that run at the same time; as many as this process may use processors if
            None.
        verify: Give the model three easy questions as it loads, and refuse it if it fails.
        on_progress: Called with (pairs done, pairs in all) after each batch.

    Raises:
        ModelError: Unreadable, not a cross-encoder, or it failed the check.
        MissingExtraError: A hub id, and huggingface-hub is not installed.
        InvalidInputError: An argument that makes no sense.
    """

    model: str | os.PathLike[str] = field(kw_only=False)

    tolerance = 0.02
    """How much a score may change with its batch mates (rounding of padded batches). A file that
    was quantised with one scale for the whole batch, such as ONNX Runtime's quantize_dynamic makes,
    can exceed it by far: up to 1 was seen. `secondpass export --int8` makes files that do not."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.model = os.fspath(self.model)
        self.folder = fetch(self.model, self.revision, self.file or MODEL_FILES)
        folder = ModelFolder.read(self.folder, find_file(self.folder, self.file))
        session = OnnxSession(folder.file)
        name = f"onnx:{self.model}@{folder.digest()}"
        longest = longest_input(self.max_length, folder.config)
        PairScorer.__init__(
            self,
            name,
            PairEncoder(folder.tokenizer, longest),
            BatchedSession(session, folder.pad_id(), longest, self.token_budget, self.workers),
            ClassLogits.find(session, name),
            self.on_progress,
        )
        if self.verify:
            run_smoke_test(self.name, self.score)
