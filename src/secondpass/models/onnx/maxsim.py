"""MaxSim: each token of a query is matched with the most similar token of a text.

The two are encoded apart, so a text's vectors serve every query. Khattab & Zaharia 2020, "ColBERT",
arXiv:2004.12832; the weights of the query's tokens, the soft maximum, the cosine of the means and
the offset are those of `secondpass.models.late_interaction`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from secondpass.core.errors import ModelError
from secondpass.models.onnx.matching import (
    dot_rows,
    multiply,
    pack_rows,
    starts_of,
    unpack_rows,
)
from secondpass.models.onnx.packing import bytes_of_a_vector, pack_levels, unpack_levels

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

PARTS = ("token_vectors", "mean", "importance", "offset")
"""The outputs of the file besides logits; `secondpass export` writes it."""
SMALL_LEVELS = 3
"""Of a dimension of a token's vector in a small store, chosen by `benchmarks/split_store.py
--quality`: a fifth of the bytes of int8."""


@dataclass(frozen=True, slots=True)
class MaxSimWeights:
    """What a score needs of the model.

    Attributes:
        scales: Of the matches and of the means.
        sharpness: Of the soft maximum over a text's tokens; 0 for the maximum itself.
    """

    scales: tuple[float, float]
    sharpness: float = 0.0


@dataclass(frozen=True, slots=True)
class QueryVectors:
    """What a score needs of a query.

    Attributes:
        vectors: One per token, of length 1, shape (tokens, hidden).
        weights: How much each token counts; they sum to 1, shape (tokens,).
        mean: Of length 1, shape (hidden,).
        offset: What the query adds to every logit.
    """

    vectors: Floats
    weights: Floats
    mean: Floats
    offset: float


@dataclass(frozen=True, slots=True)
class TextVectors:
    """What a score needs of a text: vectors (tokens, hidden) and mean (hidden,), of length 1."""

    vectors: Floats
    mean: Floats


def read_weights(config: Mapping[str, Any], name: str) -> tuple[MaxSimWeights, int]:
    """From a model's config.json: how it weighs what matches, and the dimensions of its vectors.

    Raises:
        ModelError: It does not say so.
    """
    try:
        by_match, by_mean = map(float, config["scales"])
        weights = MaxSimWeights((by_match, by_mean), float(config.get("sharpness", 0.0)))
        return weights, int(config["hidden_size"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(
            f"config.json of {name!r} does not say how to match (scales of two numbers, "
            "sharpness, hidden_size): take the one that `secondpass export` wrote"
        ) from error


def softmax(importance: Floats) -> Floats:
    """Weights of tokens, shape (tokens,)."""
    shifted = np.exp(importance - importance.max())
    weights: Floats = shifted / shifted.sum()
    return weights


def logits(query: QueryVectors, texts: Sequence[TextVectors], weights: MaxSimWeights) -> Floats:
    """Raw logits of one query with texts, shape (texts,).

    Args:
        query: The query.
        texts: At least one, each of at least one token.
        weights: How the model weighs what matches.
    """
    rows = [text.vectors for text in texts]
    best = _best(multiply(rows, query.vectors), rows, weights.sharpness)
    late = dot_rows(best, query.weights)
    whole = dot_rows(np.stack([text.mean for text in texts]), query.mean)
    by_match, by_mean = weights.scales  # of Python, so that all stays float32
    values: Floats = by_match * late + by_mean * whole + np.float32(query.offset)
    return values


def _best(cosines: Floats, rows: Sequence[Floats], sharpness: float) -> Floats:
    """How well each text matches each query token, shape (texts, query tokens)."""
    starts = starts_of(rows)
    best: Floats = np.maximum.reduceat(cosines, starts, axis=0)
    if sharpness:
        lengths = [len(one) for one in rows]
        near: Floats = np.exp((cosines - np.repeat(best, lengths, axis=0)) * sharpness)
        best += np.log(np.add.reduceat(near, starts, axis=0)) / sharpness
    return best


@dataclass(frozen=True, slots=True)
class MaxSim:
    """Late interaction as a way to match; a text is stored as its mean and its tokens.

    Attributes:
        weights: How the model weighs what matches.
        hidden: Dimensions of a vector.
        is_small: Store a text in a fifth of the bytes.
    """

    weights: MaxSimWeights
    hidden: int
    is_small: bool = False

    def small(self) -> MaxSim:
        return replace(self, is_small=True)

    @property
    def query_outputs(self) -> Sequence[str]:
        return PARTS

    @property
    def text_outputs(self) -> Sequence[str]:
        return PARTS[:2]

    @property
    def head(self) -> None:
        return None

    @property
    def head_outputs(self) -> Sequence[str]:
        return ()

    def read_query(self, tokens: int, outputs: Sequence[Any]) -> QueryVectors:
        vectors, mean, importance, offset = outputs
        return QueryVectors(vectors[:tokens], softmax(importance[:tokens]), mean, offset)

    def read_text(self, tokens: int, outputs: Sequence[Any]) -> TextVectors:
        vectors, mean = outputs
        return TextVectors(vectors[:tokens], mean)

    def part(self, text: TextVectors, start: int, end: int) -> TextVectors:
        """Without the term of the means, which are those of whole texts."""
        return TextVectors(text.vectors[start:end], np.zeros_like(text.mean))

    def scores(self, query: QueryVectors, texts: Sequence[TextVectors]) -> Floats:
        return logits(query, texts, self.weights)

    def part_scores(self, query: QueryVectors, parts: Sequence[TextVectors]) -> Floats:
        return self.scores(query, parts)

    def pack(self, text: TextVectors) -> bytes:
        if self.is_small:
            return pack_rows(text.mean[None]) + pack_levels(text.vectors, SMALL_LEVELS)
        return pack_rows(np.concatenate([text.mean[None], text.vectors]))

    def unpack(self, packed: bytes) -> TextVectors:
        if self.is_small:
            mean = unpack_rows(packed[: self.hidden + 2], self.hidden)[0]
            rows = unpack_levels(packed[self.hidden + 2 :], self.hidden, SMALL_LEVELS)
            return TextVectors(rows, mean)
        rows = unpack_rows(packed, self.hidden)
        return TextVectors(rows[1:], rows[0])

    def is_whole(self, packed: bytes) -> bool:
        mean = self.hidden + 2
        token = bytes_of_a_vector(self.hidden, SMALL_LEVELS) if self.is_small else mean
        return len(packed) >= mean + token and (len(packed) - mean) % token == 0
