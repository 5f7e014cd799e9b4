"""Cross-encoders on ONNX Runtime: no torch, bounded memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from secondpass.candidate import Note
from secondpass.errors import InvalidInputError, ModelError
from secondpass.models.canary import check_canaries
from secondpass.models.digest import digest
from secondpass.models.folder import (
    MODEL_FILES,
    json_file,
    logits_of,
    model_file,
    pad_id,
    processors,
    tokenizer_of,
)
from secondpass.models.hub import fetched
from secondpass.models.pairing import Pairing, Tokens, longest_input, packed
from secondpass.score import Pair

if TYPE_CHECKING:
    import numpy.typing as npt

PAIRS_AT_ONCE = 4096
"""Pairs tokenised and sorted together; more come in further rounds, so memory stays bounded."""


class OnnxCrossEncoder:
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
        threads: Processor threads; all that this process may use if None.
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

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        revision: str | None = None,
        file: str | None = None,
        max_length: int = 512,
        token_budget: int = 1024,
        threads: int | None = None,
        verify: bool = True,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        for what, number in (("token_budget", token_budget), ("threads", threads)):
            if number is not None and number < 1:
                raise InvalidInputError(f"{what}={number} must be at least 1")
        self.model, self.revision, self.file = os.fspath(model), revision, file
        self.max_length, self.token_budget, self.threads = max_length, token_budget, threads
        self.verify, self.on_progress = verify, on_progress
        self.folder = fetched(self.model, revision, file or MODEL_FILES)
        path = model_file(self.folder, file)
        config = json_file(self.folder / "config.json")
        self.name = f"{self._label()}@{self._content(path)}"
        self._pairing = Pairing(tokenizer_of(self.folder), longest_input(max_length, config))
        self._pad = pad_id(self._pairing.tokenizer, config)
        self._session = _session(path, threads or processors())
        self._inputs = {given.name for given in self._session.get_inputs()}
        self._output = self._head()
        if verify:
            check_canaries(self.name, self.score)

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        """One raw logit per pair, as Python floats."""
        return self.score_with_notes(pairs)[0]

    def score_with_notes(self, pairs: Sequence[Pair]) -> tuple[list[float], list[Note]]:
        """One raw logit per pair, and what was cut of its text (`cut_tokens`)."""
        scores = np.empty(len(pairs), dtype=np.float32)
        notes: list[Note] = []
        done = 0
        for start in range(0, len(pairs), PAIRS_AT_ONCE):
            tokens = self._pairing(pairs[start : start + PAIRS_AT_ONCE])
            notes.extend(t.note for t in tokens)
            for batch in packed([len(t.ids) for t in tokens], self.token_budget):
                logits = self._forward([tokens[i] for i in batch])
                scores[[start + i for i in batch]] = logits
                done += len(batch)
                if self.on_progress is not None:
                    self.on_progress(done, len(pairs))
        return [float(s) for s in scores], notes

    def _forward(self, batch: Sequence[Tokens]) -> npt.NDArray[np.float32]:
        longest = max(len(t.ids) for t in batch)
        ids = np.full((len(batch), longest), self._pad, dtype=np.int64)
        mask = np.zeros_like(ids)
        types = np.zeros_like(ids)
        for row, t in enumerate(batch):
            ids[row, : len(t.ids)] = t.ids
            mask[row, : len(t.ids)] = 1
            types[row, t.text_start : t.text_end] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        try:
            out = self._session.run(
                [self._output], {k: v for k, v in feed.items() if k in self._inputs}
            )[0]
        except Exception as error:  # onnxruntime's own classes are not importable by name
            raise ModelError(
                f"{self.name!r} failed on a batch of shape {ids.shape}: {error}"
            ) from error
        return logits_of(np.asarray(out, dtype=np.float32), len(batch), self.name)

    def _head(self) -> str:
        outputs = self._session.get_outputs()
        named = [o for o in outputs if o.name in ("logits", "scores")] or list(outputs[:1])
        unknown = self._inputs - {"input_ids", "attention_mask", "token_type_ids"}
        if "input_ids" not in self._inputs or unknown:
            raise ModelError(f"{self.name!r} takes {sorted(self._inputs)}, not token ids of a pair")
        if len(named[0].shape) > 2:
            raise ModelError(
                f"{self.name!r} has no classification head: it returns {named[0].name!r} of shape "
                f"{named[0].shape} instead of one logit per pair. Export the cross-encoder, not "
                "its encoder: secondpass export MODEL DIR"
            )
        return str(named[0].name)

    def _label(self) -> str:
        return f"onnx:{self.model}"

    def _content(self, path: Path) -> str:
        return digest(path, path.with_name(path.name + "_data"), self.folder / "tokenizer.json")

    def __reduce__(self) -> tuple[Any, ...]:  # sessions do not pickle: open it again over there
        return _opened, (type(self), self._arguments())

    def _arguments(self) -> dict[str, Any]:
        names = ("revision", "file", "max_length", "token_budget", "threads", "verify")
        return {"model": self.model, **{n: getattr(self, n) for n in names}}


def _opened(kind: type[OnnxCrossEncoder], arguments: Mapping[str, Any]) -> OnnxCrossEncoder:
    return kind(**arguments)


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # every batch has its own shape; patterns would pile up
    options.log_severity_level = 4  # its errors come as exceptions, which say it once
    try:
        return onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's own classes are not importable by name
        raise ModelError(f"ONNX Runtime cannot read {path}: {error}") from error
