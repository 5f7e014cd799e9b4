"""Where in a text the answer stands: spans that a stage noted, most relevant first."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple


class Span(NamedTuple):
    """A part of a text: ``text[start:end]``.

    Attributes:
        start: Index of its first character, in Unicode code points, as Python counts them.
        end: Index behind its last character.
        score: How relevant it is, higher is better; comparable inside one text only.
    """

    start: int
    end: int
    score: float


def evidence_note(spans: Iterable[Span]) -> list[list[float]]:
    """Spans as a note holds them, most relevant first; equal ones in the order of the text."""
    ordered = sorted(spans, key=lambda span: (-span.score, span.start))
    return [[span.start, span.end, span.score] for span in ordered]


def evidence_of(noted: Sequence[Sequence[float]], length: int) -> tuple[Span, ...]:
    """The spans of a note that lie within a text of `length` characters, in the note's order."""
    spans = (Span(int(start), int(end), float(score)) for start, end, score in noted)
    return tuple(span for span in spans if 0 <= span.start < span.end <= length)


def evidence_details(spans: Iterable[Span]) -> list[dict[str, Any]]:
    """Spans as plain data, with the keys of Cohere's ``relevant_spans``."""
    return [{"start": s.start, "end": s.end, "score": s.score} for s in spans]


def cut_at(text: str, spans: Sequence[Span], start: int, end: int) -> list[tuple[str, bool]]:
    """``text[start:end]`` as pieces that are evidence or not, in order; together they are it."""
    start, end = max(0, start), min(end, len(text))
    if start >= end:
        return []
    edges = {start, end}
    for span in spans:
        edges.update(edge for edge in span[:2] if start < edge < end)
    return [
        (text[left:right], any(s.start <= left and right <= s.end for s in spans))
        for left, right in itertools.pairwise(sorted(edges))
    ]


def shown_evidence(text: str, spans: Sequence[Span], most: int) -> list[tuple[str, bool]]:
    """A text as pieces that are evidence or not, cut to what a table shows.

    It begins at its beginning, unless the best span would not be seen: then a little before that.

    Args:
        text: The whole text.
        spans: Its evidence, most relevant first; may overlap.
        most: Characters shown at most.

    Returns:
        (piece, whether it is evidence), in order; white space is one space, and where something
        is left out at either end stands an ellipsis.
    """
    start = max(0, spans[0].start - most // 4) if spans and spans[0].end >= most else 0
    end = min(len(text), start + 4 * most)  # white space shrinks
    pieces: list[tuple[str, bool]] = [("…", False)] if start else []
    gap = False
    for part, marked in cut_at(text, spans, start, end):
        words = " ".join(part.split())
        spaced = pieces and words and (gap or part[0].isspace())
        gap = part[-1].isspace() or (gap and not words)
        if words:
            pieces.append((f" {words}" if spaced else words, marked))
    if end == len(text) and sum(len(piece) for piece, _ in pieces) <= most:
        return pieces
    room, shown = most - 1, []
    for piece, marked in pieces:
        shown.append((piece[:room], marked))
        room -= len(shown[-1][0])
        if not room:
            break
    return [*shown, ("…", False)]
