"""Cross-encoders on OpenVINO: bfloat16 and int8 where the processor has them, no torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from secondpass.candidate import Note
from secondpass.errors import InvalidInputError, ModelError
from secondpass.models.canary import check_canaries
from secondpass.models.digest import digest
from secondpass.models.folder import json_file, logits_of, pad_id, processors, tokenizer_of
from secondpass.models.openvino_graph import (
    PRECISIONS,
    Precision,
    compiled,
    computed_in,
    found,
    read,
)
from secondpass.models.openvino_runtime import runtime
from secondpass.models.pairing import Pairing, Tokens, longest_input, packed
from secondpass.score import Pair

if TYPE_CHECKING:
    import numpy.typing as npt

PAIRS_AT_ONCE = 4096
"""Pairs tokenised and sorted together; more come in further rounds, so memory stays bounded."""


TOLERANCES = {"float32": 0.02, "bfloat16": 0.1, "int8": 0.3}
"""Measured on the first built-in model, 120 passages in four ways to batch: below 0.0001, 0.026 and
0.17. OpenVINO's float sums depend on the shape in their last bits; in an int8 model that moves a
few roundings, which move others. ONNX Runtime's do not: its int8 scores are the steadier ones."""


class OpenVinoCrossEncoder:
    """A sequence-classification model on OpenVINO's CPU, scoring (query, text) pairs, raw logits.

    Reads the same folders as `OnnxCrossEncoder`, those of `secondpass export --int8` and the
    built-in model's own included, and OpenVINO's own .xml. A model with two labels gives the
    difference of its logits. Nothing is reported to anybody, see `openvino_runtime`.

    Args:
        model: Folder or hub id with an .onnx or .xml file, tokenizer.json and config.json.
        precision: What is computed in. "float32" and "bfloat16" for float models, "int8" for
            models quantised already. "auto": int8 if the model is, else bfloat16 where the
            processor has it, else float32. The name says which, since the scores differ.
        revision: Branch, tag or commit on the hub.
        file: Which file, relative to the folder; needed where there are several.
        max_length: Longest input in tokens, query and text together. The text is cut to fit, and
            the trail says so.
        token_budget: Padded tokens per batch: speed and memory, never results.
        threads: Processor threads; all that this process may use if None.
        verify: Ask the model three easy questions as it loads, and refuse it if it fails.
        on_progress: Called with (pairs done, pairs in all) after each batch.

    Attributes:
        tolerance: How much a score may change with its batch mates (rounding of padded batches).
        computed_in: "float32", "bfloat16" or "int8": what "auto" came to.

    Raises:
        ModelError: Unreadable, not a cross-encoder, not of this precision, or it failed the check.
        MissingExtraError: openvino, or huggingface-hub for a hub id, is not installed.
        InvalidInputError: An argument that makes no sense.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        precision: Precision = "auto",
        revision: str | None = None,
        file: str | None = None,
        max_length: int = 512,
        token_budget: int = 1024,
        threads: int | None = None,
        verify: bool = True,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        if precision not in PRECISIONS:
            raise InvalidInputError(f"precision={precision!r}; one of {', '.join(PRECISIONS)}")
        for what, number in (("token_budget", token_budget), ("threads", threads)):
            if number is not None and number < 1:
                raise InvalidInputError(f"{what}={number} must be at least 1")
        self.model, self.precision, self.revision = os.fspath(model), precision, revision
        self.file, self.max_length, self.token_budget = file, max_length, token_budget
        self.threads, self.verify, self.on_progress = threads, verify, on_progress
        core = runtime().Core()
        self.folder, path = found(self.model, revision, file)
        config = json_file(self.folder / "config.json")
        self._pairing = Pairing(tokenizer_of(self.folder), longest_input(max_length, config))
        self._pad = pad_id(self._pairing.tokenizer, config)
        graph = read(core, path)
        self.computed_in = computed_in(precision, graph, path)
        self.tolerance = TOLERANCES[self.computed_in]
        beside = (path.with_name(path.name + "_data"), path.with_suffix(".bin"))
        content = digest(path, *beside, self.folder / "tokenizer.json")
        self.name = f"openvino:{self.model}@{content}/{self.computed_in}"
        self._inputs = {given.get_any_name() for given in graph.inputs}
        self._output = self._head(graph)
        self._compiled = compiled(core, graph, self.computed_in, threads or processors(), path)
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
        request = self._compiled.create_infer_request()  # one a call: threads cannot share one
        for start in range(0, len(pairs), PAIRS_AT_ONCE):
            tokens = self._pairing(pairs[start : start + PAIRS_AT_ONCE])
            notes.extend(t.note for t in tokens)
            for batch in packed([len(t.ids) for t in tokens], self.token_budget):
                logits = self._forward(request, [tokens[i] for i in batch])
                scores[[start + i for i in batch]] = logits
                done += len(batch)
                if self.on_progress is not None:
                    self.on_progress(done, len(pairs))
        return [float(s) for s in scores], notes

    def _forward(self, request: Any, batch: Sequence[Tokens]) -> npt.NDArray[np.float32]:
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
            out = request.infer(
                {k: v for k, v in feed.items() if k in self._inputs}, share_inputs=True
            )[self._output]
        except RuntimeError as error:
            raise ModelError(
                f"{self.name!r} failed on a batch of shape {ids.shape}: {error}"
            ) from error
        return logits_of(np.array(out, dtype=np.float32), len(batch), self.name)

    def _head(self, graph: Any) -> int:
        names = [output.get_names() for output in graph.outputs]
        place = next((i for i, n in enumerate(names) if n & {"logits", "scores"}), 0)
        unknown = self._inputs - {"input_ids", "attention_mask", "token_type_ids"}
        if "input_ids" not in self._inputs or unknown:
            raise ModelError(f"{self.name!r} takes {sorted(self._inputs)}, not token ids of a pair")
        shape = graph.outputs[place].get_partial_shape()
        if shape.rank.is_static and len(shape) > 2:
            raise ModelError(
                f"{self.name!r} has no classification head: it returns shape {shape} instead of "
                "one logit per pair. Export the cross-encoder, not its encoder: "
                "secondpass export MODEL DIR"
            )
        return place

    def __reduce__(self) -> tuple[Any, ...]:  # compiled models do not pickle: open it over there
        names = ("precision", "revision", "file", "max_length", "token_budget", "threads", "verify")
        return _opened, (type(self), self.model, {n: getattr(self, n) for n in names})


def _opened(
    kind: type[OpenVinoCrossEncoder], model: str, arguments: Mapping[str, Any]
) -> OpenVinoCrossEncoder:
    return kind(model, **arguments)
