"""MaxSim: each token of a query looks for the most alike token of a text.

The two are encoded apart, so a text's vectors serve every query. Khattab & Zaharia 2020, "ColBERT",
arXiv:2004.12832; the weights of the query's tokens, the cosine of the means and the offset are
those of `secondpass.models.late_interaction`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]


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


def logits(query: QueryVectors, texts: Sequence[TextVectors], scales: Floats) -> Floats:
    """Raw logits of one query with texts, shape (texts,).

    Args:
        query: The query.
        texts: At least one, each of at least one token.
        scales: Of the matches and of the means.
    """
    alike = np.concatenate([text.vectors for text in texts]) @ query.vectors.T
    starts = np.cumsum([0, *(len(text.vectors) for text in texts[:-1])])
    late = np.maximum.reduceat(alike, starts, axis=0) @ query.weights
    whole = np.stack([text.mean for text in texts]) @ query.mean
    made: Floats = scales[0] * late + scales[1] * whole + np.float32(query.offset)
    return made
