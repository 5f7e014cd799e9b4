"""How well parts of a text match a query, each read in the context of what stands around it.

A model that reads query and text apart says something of every token of a text, so a sentence is
scored as a whole text is, from the tokens that it has: by the weighted mean of their best matches
(MaxSim, without the term of the means), by the weights that they give to the query's words, or by
both, see `MatchingSum`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from secondpass.models.batching import BatchedSession
from secondpass.models.encoding.encoders import SegmentEncoder
from secondpass.models.encoding.tokenize import encode
from secondpass.models.onnx.matching import Matching
from secondpass.stages.evidence import SpanRequest
from secondpass.stages.sentences import Place

if TYPE_CHECKING:
    import numpy.typing as npt

    Ids = npt.NDArray[np.int64]

NOTHING = -30.0
"""The score of a place without a token: far below what any other has."""
TEXTS_AT_ONCE = 32
"""Texts whose tokens and their places are kept at the same time: bounds the memory."""


class Window(NamedTuple):
    """Tokens that are read together.

    Attributes:
        text: Index of the text.
        start: Index of the first token in the text.
        ids: Of the tokens, shape (length,).
        spans: (index of the place, first token, behind the last token) of each place in it.
    """

    text: int
    start: int
    ids: Ids
    spans: list[tuple[int, int, int]]


def score_spans(
    encoder: SegmentEncoder,
    session: BatchedSession,
    matching: Matching,
    requests: Sequence[SpanRequest],
) -> list[list[float]]:
    """A raw score of each place of each request; comparable inside one request.

    A text is read once for all the queries that ask for the same places of it.

    Args:
        encoder: Of the model.
        session: Of the model.
        matching: How the model scores a pair.
        requests: A query, a text, and places in it, in order and not overlapping.
    """
    scores = [[NOTHING] * len(request.places) for request in requests]
    before = len(encoder.before_text)
    queries = _read_queries(encoder, session, matching, [r.query for r in requests])
    asking: dict[tuple[str, tuple[Place, ...]], list[int]] = {}
    for index, (_, text, places) in enumerate(requests):
        asking.setdefault((text, tuple(places)), []).append(index)
    texts = list(asking)
    for first in range(0, len(texts), TEXTS_AT_ONCE):
        some = texts[first : first + TEXTS_AT_ONCE]
        encodings = encode(encoder.tokenizer, [text for text, _ in some], offsets=True)
        windows = [
            window
            for i, encoding in enumerate(encodings)
            for window in _windows(i, encoding.ids, encoding.offsets, some[i][1], encoder.room)
        ]
        rows = [np.concatenate([encoder.before_text, w.ids, encoder.after]) for w in windows]
        for batch, outputs in session.run(matching.text_outputs, rows):
            for index, *own in zip(batch, *outputs, strict=True):
                window = windows[index]
                read = matching.read_text(len(rows[index]), own)
                offset = before - window.start
                parts = [matching.part(read, s + offset, e + offset) for _, s, e in window.spans]
                for request in asking[some[window.text]]:
                    query = queries[requests[request].query]
                    values = matching.part_scores(query, parts)
                    for (place, _, _), value in zip(window.spans, values, strict=True):
                        scores[request][place] = float(value)
    return scores


def _read_queries(
    encoder: SegmentEncoder, session: BatchedSession, matching: Matching, queries: Sequence[str]
) -> dict[str, Any]:
    """As `SegmentScorer.score_with_notes` does in place, to be a frame nearer to the runtime."""
    read: dict[str, Any] = {}
    rows = encoder.query_rows(encoder.tokenize(queries))
    for batch, outputs in session.run(matching.query_outputs, [ids for _, ids in rows]):
        for i, *own in zip(batch, *outputs, strict=True):
            query, ids = rows[i]
            if matching.head is not None:
                states = {"word_states": own[-1][: len(ids)]}
                own[-1:] = matching.head(matching.head_outputs, states)
            read[query] = matching.read_query(len(ids), own)
    return read


def _windows(
    text: int,
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
                Window(text, first, np.array(ids[first:last], dtype=np.int64), list(spans))
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
