"""Cross-encoders on ONNX Runtime: no torch, bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from secondpass.core.errors import ModelError
from secondpass.core.event import Note
from secondpass.models.batching import map_in_threads
from secondpass.models.encoding.pair_encoder import PairEncoder, Tokens
from secondpass.models.folder import logits_of
from secondpass.models.onnx.scorer import OnnxScorer
from secondpass.stages.score import Pair

if TYPE_CHECKING:
    import numpy.typing as npt

INPUTS = {"input_ids", "attention_mask", "token_type_ids"}


class OnnxCrossEncoder(OnnxScorer[list[Tokens]]):
    """A sequence-classification model in ONNX form, scoring (query, text) pairs with raw logits.

    A model with two labels gives the difference of its logits. int8 and float models alike.
    Scores do not depend on the other pairs but for rounding, see `tolerance`.

    Args:
        model: Folder or hub id with an .onnx file, tokenizer.json and config.json.
        revision: Branch, tag or commit on the hub.
        file: Which .onnx file, relative to the folder; needed where there are several.
        max_length: Longest input in tokens, query and text together. The text is cut to fit, and
            the trail says so.
        token_budget: Padded tokens per batch: speed and memory, never results.
        threads: Batches beside each other; as many as this process may use processors if None.
        verify: Ask the model three easy questions as it loads, and refuse it if it fails.
        on_progress: Called with (pairs done, pairs in all) after each batch.

    Raises:
        ModelError: Unreadable, not a cross-encoder, or it failed the check.
        MissingExtraError: A hub id, and huggingface-hub is not installed.
        InvalidInputError: An argument that makes no sense.
    """

    tolerance = 0.02
    """How much a score may change with its batch mates (rounding of padded batches). A file that
    was quantised with one scale for the whole batch, such as ONNX Runtime's quantize_dynamic makes,
    can exceed it by far: up to 1 was seen. `secondpass export --int8` makes files that do not."""

    def _open(self) -> None:
        self._pairing = PairEncoder(self._tokenizer, self._longest)
        outputs = self._session.outputs
        self._output = next((n for n in ("logits", "scores") if n in outputs), next(iter(outputs)))
        unknown = self._session.inputs - INPUTS
        if "input_ids" not in self._session.inputs or unknown:
            raise ModelError(
                f"{self.name!r} takes {sorted(self._session.inputs)}, not token ids of a pair"
            )
        if len(outputs[self._output]) > 2:
            raise ModelError(
                f"{self.name!r} has no classification head: it returns {self._output!r} of shape "
                f"{outputs[self._output]} instead of one logit per pair. Export the cross-encoder, "
                "not its encoder: secondpass export MODEL DIR"
            )

    def _read(self, pairs: Sequence[Pair]) -> list[Tokens]:
        return self._pairing(pairs)

    def _notes(self, read: list[Tokens]) -> list[Note]:
        return [t.note for t in read]

    def _logits(self, read: list[Tokens]) -> Iterator[tuple[list[int], npt.NDArray[np.float32]]]:
        batches = self._batches([len(t.ids) for t in read])
        logits = map_in_threads(
            lambda b: self._forward([read[i] for i in b]), batches, self._beside
        )
        yield from zip(batches, logits, strict=True)

    def _forward(self, batch: Sequence[Tokens]) -> npt.NDArray[np.float32]:
        ids, mask = self._padded([t.ids for t in batch])
        types = np.zeros_like(ids)
        for row, t in enumerate(batch):
            types[row, t.text_start : t.text_end] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        (out,) = self._session([self._output], feed)
        return logits_of(np.asarray(out, dtype=np.float32), len(batch), self.name)
