"""Learned sparse scores: how much a text says of each word that a query stands for.

A masked language model gives every word of its vocabulary a weight in a query and in a text, the
largest over their tokens, and the score is the product of the two: Formal et al. 2021, "SPLADE",
arXiv:2107.05720. A query stands for some dozens of words, so of a text only their weights are
computed: the states of its tokens times the vectors of these words.

Files: `training/build_tiny.py` says what they give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secondpass.core.errors import ModelError
from secondpass.models.onnx.matching import dot_rows, multiply, starts_of
from secondpass.models.onnx.session import OnnxSession

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Ids = npt.NDArray[np.int64]

STATES = ("word_states",)
OF_A_QUERY = ("term_weights", "term_ids", "term_vectors", "term_bias")
OF_A_TEXT = ("words",)
STEPS = 255
"""Of a stored weight, between 0 and the text's largest."""


@dataclass(frozen=True, slots=True)
class QueryTerms:
    """What a score needs of a query: the words that it stands for.

    Attributes:
        weights: How much each counts, above 0, shape (terms,).
        ids: Of the words, shape (terms,).
        vectors: Of the words, shape (terms, hidden).
        bias: Of the words, shape (terms,).
    """

    weights: Floats
    ids: Ids
    vectors: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class StoredTerms:
    """A text that was kept: the ids of its words, ascending, and their weights."""

    ids: Ids
    weights: Floats


@dataclass(frozen=True, slots=True)
class TermWeights:
    """How the score is scaled.

    Attributes:
        scale: Of the product, after it was divided by the sum of the query's weights: of the mean
            weight that a text gives to the words of the query.
        offset: What every score gains.
    """

    scale: float
    offset: float


def read_term_weights(config: Mapping[str, Any], name: str) -> TermWeights:
    """From a model's config.json.

    Raises:
        ModelError: It does not say so.
    """
    try:
        return TermWeights(float(config["term_scale"]), float(config["term_offset"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"config.json of {name!r} does not say how to scale its scores (term_scale, "
            "term_offset, two numbers)"
        ) from error


@dataclass(frozen=True, slots=True)
class TermMatch:
    """Learned sparse scores as a way to match; a text is stored as its words and their weights.

    Attributes:
        words: From the states of one text to the weights of words.
        weights: How the score is scaled.
    """

    words: OnnxSession
    weights: TermWeights

    @property
    def query_outputs(self) -> Sequence[str]:
        return STATES

    @property
    def text_outputs(self) -> Sequence[str]:
        return STATES

    @property
    def head(self) -> OnnxSession:
        return self.words

    @property
    def head_outputs(self) -> Sequence[str]:
        return OF_A_QUERY

    def read_query(self, tokens: int, outputs: Sequence[Any]) -> QueryTerms:
        count = max(1, int(np.count_nonzero(outputs[0])))  # heaviest first, zeros at the end
        return QueryTerms(*(of_all[:count] for of_all in outputs))

    def read_text(self, tokens: int, outputs: Sequence[Any]) -> Floats:
        (states,) = outputs
        read: Floats = states[:tokens]
        return read

    def part(self, text: Floats, start: int, end: int) -> Floats:
        return text[start:end]

    def scores(self, query: QueryTerms, texts: Sequence[Floats | StoredTerms]) -> Floats:
        """Raw logits of one query with texts, shape (texts,)."""
        stored = [text for text in texts if isinstance(text, StoredTerms)]
        if stored:  # all of them, or none
            said = np.stack([_weights_of(query.ids, text) for text in stored])
        else:
            states = [text for text in texts if not isinstance(text, StoredTerms)]
            most = np.maximum.reduceat(multiply(states, query.vectors), starts_of(states), axis=0)
            said = np.log1p(np.maximum(most + query.bias, 0))
        total = max(float(query.weights.sum()), 1e-6)
        shares: Floats = query.weights * (self.weights.scale / total)
        return dot_rows(said, shares) + np.float32(self.weights.offset)

    def small(self) -> TermMatch:
        return self

    def part_scores(self, query: QueryTerms, parts: Sequence[Floats]) -> Floats:
        return self.scores(query, parts)

    def pack(self, text: Floats) -> bytes:
        """Ids of two bytes, weights of one, and then the largest weight."""
        (words,) = self.words(OF_A_TEXT, {"word_states": text})
        largest = np.float16(max(words.max(), 1e-3))
        codes = np.rint(words * (STEPS / np.float32(largest))).clip(0, STEPS).astype(np.uint8)
        ids = np.flatnonzero(codes)
        return bytes(ids.astype(np.uint16).tobytes() + codes[ids].tobytes() + largest.tobytes())

    def unpack(self, packed: bytes) -> StoredTerms:
        count = (len(packed) - 2) // 3
        ids = np.frombuffer(packed, np.uint16, count).astype(np.int64)
        codes = np.frombuffer(packed, np.uint8, count, offset=2 * count)
        largest = np.frombuffer(packed, np.float16, 1, offset=3 * count)[0]
        return StoredTerms(ids, codes.astype(np.float32) * (np.float32(largest) / STEPS))

    def is_whole(self, packed: bytes) -> bool:
        return len(packed) % 3 == 2


def _weights_of(ids: Ids, text: StoredTerms) -> Floats:
    """The weights that a text gives these words, 0 where it has none, shape (words,)."""
    found = np.zeros(len(ids), np.float32)
    if len(text.ids):
        places = np.searchsorted(text.ids, ids).clip(max=len(text.ids) - 1)
        same = text.ids[places] == ids
        found[same] = text.weights[places[same]]
    return found
