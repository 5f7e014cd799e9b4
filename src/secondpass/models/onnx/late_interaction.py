"""Late interaction on ONNX Runtime: a query is encoded once, a text once for all queries."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from secondpass.core.errors import ModelError
from secondpass.models.model_files import MODEL_FILES, ModelFolder, fetch, find_file
from secondpass.models.onnx.maxsim import PARTS, MaxSim, read_weights
from secondpass.models.onnx.segment_scorer import SegmentScorer
from secondpass.models.onnx.session import OnnxSession


@dataclass(kw_only=True, eq=False, repr=False)
class LateInteraction(SegmentScorer):
    """A late-interaction model in ONNX form, scoring (query, text) pairs with raw logits.

    The scores are those of `OnnxCrossEncoder` on the same file, but queries and texts are read by
    themselves: a text may have `max_length` tokens whatever the query, is read once however many
    queries it is paired with, and, with `vectors`, once for good.

    Args:
        model: Folder or hub id with an .onnx file that `secondpass export` made of a
            late-interaction model, tokenizer.json and config.json.
        vectors: A file that keeps the vectors of texts, made if it does not exist: those in it are
            not computed, others are computed and added. A token takes one byte per dimension and
            two for a scale: 27 kB for a passage of 70 tokens at 384 dimensions; 6 kB where the
            file's name ends in ".small" or ".small.lmdb", and logits then differ by .3 on average.
        revision: Branch, tag or commit on the hub.
        file: Which .onnx file, relative to the folder; needed where there are several.
        max_length: Longest query, and longest text that is read at once, in tokens.
        chunks: A longer text is read in so many chunks of `CHUNK` tokens at most; None reads
            all of it, and 1 cuts it, and the trail says so. Its score is that of the best chunk,
            and the best chunks are its evidence.
        token_budget: Padded tokens per batch: speed and memory, never results.
        threads: Batches that run at the same time; as many as this process may use processors if
            None.
        verify: Give the model three easy questions as it loads, and refuse it if it fails.
        on_progress: Called with (pairs done, pairs in all) after each batch.

    Raises:
        ModelError: Unreadable, not a late-interaction model, or it failed the check; or `vectors`
            is not such a file, or another model's.
        MissingExtraError: A hub id, and huggingface-hub is not installed.
        InvalidInputError: An argument that makes no sense.
    """

    model: str | os.PathLike[str] = field(kw_only=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.model = os.fspath(self.model)
        path = fetch(self.model, self.revision, self.file or MODEL_FILES)
        folder = ModelFolder.read(path, find_file(path, self.file))
        name = f"late-interaction:{self.model}@{folder.digest('config.json')}"  # how to match
        self._start(name, folder, *open_late_interaction(folder, name))


def open_late_interaction(
    folder: ModelFolder, name: str, *others: Path
) -> tuple[OnnxSession, MaxSim]:
    """The model of a folder, ready to run with others, and how it matches.

    Raises:
        ModelError: Unreadable, or not a late-interaction model.
    """
    session = OnnxSession(folder.file, *others)
    missing = [output for output in PARTS if output not in session.outputs]
    if missing:
        raise ModelError(
            f"{name!r} does not give {', '.join(missing)}: it is not a late-interaction "
            "model that `secondpass export` wrote. Use it as 'onnx:...'"
        )
    return session, MaxSim(*read_weights(folder.config, name))
