"""MaxSim: each token of a query looks for the most alike token of a text.

The two are encoded apart, so a text's vectors serve every query. Khattab & Zaharia 2020, "ColBERT",
arXiv:2004.12832; the weights of the query's tokens, the soft maximum, the cosine of the means and
the offset are those of `secondpass.models.late_interaction`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]


ALONE = 262_144
"""Multiplications that OpenBLAS, numpy's usual library, does on the calling thread. Larger products
it shares out, and its threads and the model's then wait for each other: a third of the speed."""


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
        vectors: One a token, of length 1, shape (tokens, hidden).
        weights: How much each token counts, in all 1, shape (tokens,).
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


def weights(importance: Floats) -> Floats:
    """The softmax of `importance`, shape (tokens,)."""
    shifted = np.exp(importance - importance.max())
    made: Floats = shifted / shifted.sum()
    return made


def logits(query: QueryVectors, texts: Sequence[TextVectors], matching: MaxSimWeights) -> Floats:
    """Raw logits of one query with texts, shape (texts,).

    Args:
        query: The query.
        texts: At least one, each of at least one token.
        matching: How the model weighs what matches.
    """
    alike = _products([text.vectors for text in texts], query.vectors)
    late = _best(alike, [len(text.vectors) for text in texts], matching.sharpness) @ query.weights
    whole = np.stack([text.mean for text in texts]) @ query.mean
    by_match, by_mean = matching.scales  # of Python, so that all stays float32
    made: Floats = by_match * late + by_mean * whole + np.float32(query.offset)
    return made


def _best(alike: Floats, lengths: Sequence[int], sharpness: float) -> Floats:
    """How well each text matches each query token, shape (texts, query tokens)."""
    starts = np.cumsum([0, *lengths[:-1]])
    best: Floats = np.maximum.reduceat(alike, starts, axis=0)
    if sharpness:
        near: Floats = np.exp((alike - np.repeat(best, lengths, axis=0)) * sharpness)
        best += np.log(np.add.reduceat(near, starts, axis=0)) / sharpness
    return best


def _products(rows: Sequence[Floats], query: Floats) -> Floats:
    """All rows times all query tokens, shape (rows, query tokens), without threads of BLAS."""
    tokens, hidden = query.shape
    at_once = max(1, ALONE // (hidden * tokens))
    count = sum(map(len, rows))
    filled = np.concatenate([*rows, np.zeros((-count % at_once, hidden), np.float32)])
    made: Floats = filled.reshape(-1, at_once, hidden) @ query.T
    return made.reshape(-1, tokens)[:count]
