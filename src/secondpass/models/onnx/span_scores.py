"""How well parts of a text match a query, each read in the context of what stands around it.

Late interaction says of every token of a text how well it matches each token of the query, so a
sentence is scored as a whole text is, from the tokens that it has: the weighted mean of their best
matches (MaxSim), without the term of the means.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from secondpass.models.batching import BatchedSession
from secondpass.models.encoding.encoders import SegmentEncoder
from secondpass.models.encoding.tokenize import encode
from secondpass.models.onnx.matching import query_vectors
from secondpass.models.onnx.maxsim import MaxSimWeights, QueryVectors, best_matches
from secondpass.stages.evidence import SpanRequest
from secondpass.stages.sentences import Place

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Ids = npt.NDArray[np.int64]

OUTPUTS = ("token_vectors", "mean", "importance", "offset")
TEXTS_AT_ONCE = 32
"""Texts whose tokens and their places are kept at the same time: bounds the memory."""


class Window(NamedTuple):
    """Tokens that are read together.

    Attributes:
        request: Index of the request.
        start: Index of the first token in the text.
        ids: Of the tokens, shape (length,).
        spans: (index of the place, first token, behind the last token) of each place in it.
    """

    request: int
    start: int
    ids: Ids
    spans: list[tuple[int, int, int]]


def score_spans(
    encoder: SegmentEncoder,
    session: BatchedSession,
    weights: MaxSimWeights,
    requests: Sequence[SpanRequest],
) -> list[list[float]]:
    """A raw score of each place of each request; comparable inside one request.

    Args:
        encoder: Of the model.
        session: Of the model.
        weights: Of the model.
        requests: A query, a text, and places in it, in order and not overlapping.
    """
    scores = [[_nothing(weights)] * len(request.places) for request in requests]
    rows = encoder.rows(encoder.tokenize([request.query for request in requests]))
    queries: dict[str, QueryVectors] = {}
    for batch, outputs in session.run(OUTPUTS, [ids for _, ids in rows]):
        queries |= query_vectors([rows[i] for i in batch], outputs)
    for first in range(0, len(requests), TEXTS_AT_ONCE):
        some = range(first, min(first + TEXTS_AT_ONCE, len(requests)))
        encodings = encode(encoder.tokenizer, [requests[i].text for i in some], offsets=True)
        windows = [
            window
            for i, encoding in zip(some, encodings, strict=True)
            for window in _windows(
                i, encoding.ids, encoding.offsets, requests[i].places, encoder.room
            )
        ]
        read = [np.concatenate([encoder.before, w.ids, encoder.after]) for w in windows]
        for batch, (vectors,) in session.run(OUTPUTS[:1], read):
            for index, rows_of in zip(batch, vectors, strict=True):
                window = windows[index]
                query = queries[requests[window.request].query]
                tokens = rows_of[len(encoder.before) :]
                for place, start, end in window.spans:
                    part = tokens[start - window.start : end - window.start]
                    scores[window.request][place] = _score(query, part, weights)
    return scores


def _nothing(weights: MaxSimWeights) -> float:
    """The score of a place without a token: as if it matched nothing at all."""
    return -weights.scales[0]


def _score(query: QueryVectors, tokens: Floats, weights: MaxSimWeights) -> float:
    cosines = tokens @ query.vectors.T
    (best,) = best_matches(cosines, [len(tokens)], weights.sharpness)
    return float(weights.scales[0] * (best @ query.weights) + query.offset)


def _windows(
    request: int,
    ids: Sequence[int],
    offsets: Sequence[Place],
    places: Sequence[Place],
    room: int,
) -> list[Window]:
    """The tokens of all places, as many places in one window as fit into `room` tokens."""
    starts = [start for start, _ in offsets]
    windows: list[Window] = []
    spans: list[tuple[int, int, int]] = []

    def close() -> None:
        if spans:
            first, last = spans[0][1], spans[-1][2]
            windows.append(
                Window(request, first, np.array(ids[first:last], dtype=np.int64), list(spans))
            )
            spans.clear()

    for index, (start, end) in enumerate(places):
        first, last = bisect_left(starts, start), bisect_left(starts, end)
        last = min(last, first + room)
        if first == last:
            continue
        if spans and last - spans[0][1] > room:
            close()
        spans.append((index, first, last))
    close()
    return windows
