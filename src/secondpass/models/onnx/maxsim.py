"""MaxSim: each token of a query is matched with the most similar token of a text.

The two are encoded apart, so a text's vectors serve every query. Khattab & Zaharia 2020, "ColBERT",
arXiv:2004.12832; the weights of the query's tokens, the soft maximum, the cosine of the means and
the offset are those of `secondpass.models.late_interaction`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secondpass.core.errors import ModelError

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]


SINGLE_THREADED = 262_144
"""Multiplications that OpenBLAS, numpy's usual library, does on the calling thread. It splits
larger products, and its threads and the model's then wait for each other: a third of the speed."""


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
    cosines = _multiply([text.vectors for text in texts], query.vectors)
    late = (
        best_matches(cosines, [len(text.vectors) for text in texts], weights.sharpness)
        @ query.weights
    )
    whole = np.stack([text.mean for text in texts]) @ query.mean
    by_match, by_mean = weights.scales  # of Python, so that all stays float32
    values: Floats = by_match * late + by_mean * whole + np.float32(query.offset)
    return values


def best_matches(cosines: Floats, lengths: Sequence[int], sharpness: float) -> Floats:
    """How well each text matches each query token, shape (texts, query tokens)."""
    starts = np.cumsum([0, *lengths[:-1]])
    best: Floats = np.maximum.reduceat(cosines, starts, axis=0)
    if sharpness:
        near: Floats = np.exp((cosines - np.repeat(best, lengths, axis=0)) * sharpness)
        best += np.log(np.add.reduceat(near, starts, axis=0)) / sharpness
    return best


def _multiply(rows: Sequence[Floats], query: Floats) -> Floats:
    """All rows times all query tokens, shape (rows, query tokens), without threads of BLAS."""
    tokens, hidden = query.shape
    at_once = max(1, SINGLE_THREADED // (hidden * tokens))
    count = sum(map(len, rows))
    filled = np.concatenate([*rows, np.zeros((-count % at_once, hidden), np.float32)])
    cosines: Floats = filled.reshape(-1, at_once, hidden) @ query.T
    return cosines.reshape(-1, tokens)[:count]
