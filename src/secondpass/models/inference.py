"""What local models share: their options, scores as they come, and pairs that are read jointly.

A public class loads a folder in its constructor and hands the parts on: an encoder makes token ids
of pairs, a `BatchedSession` runs them in batches, and a head makes logits of its outputs.
"""
# without `from __future__ import annotations`: classes elsewhere inherit these fields, and recipes
# read the types of their constructors

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from secondpass.core.errors import ModelError
from secondpass.core.event import Note
from secondpass.models.batching import (
    BatchedSession,
    InferenceSession,
    prefetch,
)
from secondpass.models.encoding.encoders import PairEncoder
from secondpass.stages.score import Pair

Floats = npt.NDArray[np.float32]

PAIRS_AT_ONCE = 1024
"""Pairs tokenised and sorted together, while the model reads those before: bounds the memory."""


class ScoredPairs:
    """Scores and notes of pairs that are read in parts, in batches, in any order within a part.

    Args:
        total: The number of pairs.
        on_progress: Called with (pairs done, pairs in all) after each batch.
    """

    def __init__(self, total: int, on_progress: Callable[[int, int], None] | None) -> None:
        self.scores = np.empty(total, dtype=np.float32)
        self.notes: list[Note] = []
        self._done, self._on_progress = 0, on_progress

    def expect(self, total: int) -> None:
        """More pairs may have come up while others were read: there are `total` now."""
        more = total - len(self.scores)
        if more > 0:
            self.scores = np.append(self.scores, np.empty(more, dtype=np.float32))

    def postpone(self, indices: Sequence[int]) -> None:
        """Pairs of the part that have no score of their own, since others that come up have."""
        if indices:
            self.add(indices, np.full(len(indices), np.nan, dtype=np.float32))

    def add(self, indices: Sequence[int], logits: Floats) -> None:
        """Logits of a batch, by the pairs' indices in the part."""
        start = len(self.notes)
        self.scores[[start + i for i in indices]] = logits
        self._done += len(indices)
        if self._on_progress is not None:
            self._on_progress(self._done, len(self.scores))

    def end_part(self, notes: Sequence[Note]) -> None:
        """The notes of a part, one for each pair, when all of its logits are there."""
        self.notes.extend(notes)

    def result(self) -> tuple[list[float], list[Note]]:
        """One raw logit and one note per pair, as Python values."""
        return self.scores.tolist(), self.notes


INPUTS = {"input_ids", "attention_mask", "token_type_ids"}


@dataclass(frozen=True, slots=True)
class ClassLogits:
    """The head of a model with one label, or two of which the difference counts.

    Attributes:
        name: The model's, for messages.
        output: The output with the logits.
    """

    name: str
    output: str

    @classmethod
    def find(cls, session: InferenceSession, name: str) -> "ClassLogits":
        """Of a model's outputs.

        Raises:
            ModelError: The model does not take token ids, or has no classification head.
        """
        outputs = session.outputs
        output = next((n for n in ("logits", "scores") if n in outputs), next(iter(outputs)))
        if "input_ids" not in session.inputs or session.inputs - INPUTS:
            raise ModelError(f"{name!r} takes {sorted(session.inputs)}, not token ids of a pair")
        if len(outputs[output]) > 2:
            raise ModelError(
                f"{name!r} has no classification head: it returns {output!r} of shape "
                f"{outputs[output]} instead of one logit per pair. Export the cross-encoder, "
                "not its encoder: secondpass export MODEL DIR"
            )
        return cls(name, output)

    def __call__(self, out: Floats, rows: int) -> Floats:
        """One logit per row.

        Raises:
            ModelError: There are not one or two labels.
        """
        out = np.asarray(out, dtype=np.float32)
        if out.shape in ((rows,), (rows, 1)):
            return out.reshape(rows)
        if out.shape == (rows, 2):
            difference: Floats = out[:, 1] - out[:, 0]
            return difference
        raise ModelError(
            f"{self.name!r} returns {out.shape} for {rows} pairs; a reranker has one label, or "
            "two (not relevant, relevant)"
        )


class PairScorer:
    """Raw logits of pairs that a model reads jointly.

    Args:
        name: "backend:model@revision".
        encoder: Makes token ids of pairs.
        session: Runs them in batches.
        combine: Makes a logit per row of a batch's output.
        on_progress: Called with (pairs done, pairs in all) after each batch.
    """

    def __init__(
        self,
        name: str,
        encoder: PairEncoder,
        session: BatchedSession,
        combine: ClassLogits,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.name, self.on_progress = name, on_progress
        self._encoder, self._session, self._combine = encoder, session, combine

    @property
    def cache_key(self) -> str:
        """What scores depend on beside the name: see `Scorer`."""
        return f"{self._session.longest} tokens"

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        """One raw logit per pair, as Python floats."""
        return self.score_with_notes(pairs)[0]

    def score_with_notes(self, pairs: Sequence[Pair]) -> tuple[list[float], list[Note]]:
        """One raw logit per pair, and a note of what was cut (`cut_tokens`)."""
        scored = ScoredPairs(len(pairs), self.on_progress)
        for encoded in prefetch(self._encoder, split_into_parts(pairs)):
            rows, text_starts = [e.ids for e in encoded], [e.text_start for e in encoded]
            for batch, (out,) in self._session.run([self._combine.output], rows, text_starts):
                scored.add(batch, self._combine(out, len(batch)))
            scored.end_part([e.note for e in encoded])
        return scored.result()


def split_into_parts(pairs: Sequence[Any]) -> list[Sequence[Any]]:
    """Slices of at most `PAIRS_AT_ONCE`."""
    return [pairs[i : i + PAIRS_AT_ONCE] for i in range(0, len(pairs), PAIRS_AT_ONCE)]
