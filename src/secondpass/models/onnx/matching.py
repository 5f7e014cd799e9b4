"""From what a late-interaction model gives of queries and texts to the logits of their pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secondpass.models.encoding.tokenize import TextIds
from secondpass.models.onnx.maxsim import (
    MaxSimWeights,
    QueryVectors,
    TextVectors,
    logits,
    softmax,
)
from secondpass.models.onnx.passage_cache import StoredVectors
from secondpass.stages.score import Pair

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PairsInParts:
    """Pairs, the token ids of each distinct query and text in them, and what the file has."""

    pairs: Sequence[Pair]
    queries: Mapping[str, TextIds]
    texts: Mapping[str, TextIds]
    stored: StoredVectors

    def unstored(self) -> dict[str, TextIds]:
        """The texts that the model is to read."""
        return {text: ids for text, ids in self.texts.items() if text not in self.stored.packed}


class Matcher:
    """From vectors of texts to logits of the pairs that they are in."""

    def __init__(
        self, pairs: Sequence[Pair], queries: Mapping[str, QueryVectors], weights: MaxSimWeights
    ) -> None:
        self.pairs, self.queries, self.weights = pairs, queries, weights
        self.indices: dict[str, list[int]] = {}
        for index, (_, text) in enumerate(pairs):
            self.indices.setdefault(text, []).append(index)

    def __call__(self, texts: Mapping[str, TextVectors]) -> tuple[list[int], Floats]:
        """Indices of pairs, and their logits."""
        by_query: dict[str, list[int]] = {}
        for text in texts:
            for index in self.indices[text]:
                by_query.setdefault(self.pairs[index][0], []).append(index)
        values = [
            logits(self.queries[query], [texts[self.pairs[i][1]] for i in indices], self.weights)
            for query, indices in by_query.items()
        ]
        return [i for indices in by_query.values() for i in indices], np.concatenate(values)


def query_vectors(
    rows: Sequence[tuple[str, Ids]], outputs: Sequence[Any]
) -> dict[str, QueryVectors]:
    """From a batch of queries and its outputs `PARTS`."""
    return {
        query: QueryVectors(vectors[: len(ids)], softmax(importance[: len(ids)]), mean, offset)
        for (query, ids), vectors, mean, importance, offset in zip(rows, *outputs, strict=True)
    }


def text_vectors(rows: Sequence[tuple[str, Ids]], outputs: Sequence[Any]) -> dict[str, TextVectors]:
    """From a batch of texts and the first two of its outputs `PARTS`."""
    return {
        text: TextVectors(vectors[: len(ids)], mean)
        for (text, ids), vectors, mean in zip(rows, *outputs, strict=True)
    }
