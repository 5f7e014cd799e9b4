"""Distinct queries and texts of many pairs, each read once, and the logits of the pairs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secondpass.models.encoding.tokenize import TextIds
from secondpass.models.onnx.matching import Matching
from secondpass.models.onnx.passage_cache import StoredVectors
from secondpass.stages.score import Pair

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PairsInParts:
    """Pairs, the token ids of each distinct query and text in them, and what the file has.

    Attributes:
        origins: See `PartOfPairs`.
        later: The texts that are not read now, but in chunks.
    """

    pairs: Sequence[Pair]
    origins: Sequence[int]
    queries: Mapping[str, TextIds]
    texts: Mapping[str, TextIds]
    stored: StoredVectors
    later: Collection[str] = ()

    def unstored(self) -> dict[str, TextIds]:
        """The texts that the model is to read."""
        known = self.stored.packed
        return {t: ids for t, ids in self.texts.items() if t not in known and t not in self.later}


class PairMatcher:
    """From what was read of texts to logits of the pairs that they are in."""

    def __init__(
        self, pairs: Sequence[Pair], queries: Mapping[str, Any], matching: Matching
    ) -> None:
        self.pairs, self.queries, self.matching = pairs, queries, matching
        self.indices: dict[str, list[int]] = {}
        for index, (_, text) in enumerate(pairs):
            self.indices.setdefault(text, []).append(index)

    def __call__(self, texts: Mapping[str, Any]) -> tuple[list[int], Floats]:
        """Indices of pairs, and their logits."""
        by_query: dict[str, list[int]] = {}
        for text in texts:
            for index in self.indices[text]:
                by_query.setdefault(self.pairs[index][0], []).append(index)
        values = [
            self.matching.scores(self.queries[query], [texts[self.pairs[i][1]] for i in indices])
            for query, indices in by_query.items()
        ]
        return [i for indices in by_query.values() for i in indices], np.concatenate(values)
