"""A ranking as text: one line for `repr`, a short table for `print`."""

from __future__ import annotations

from collections.abc import Sequence

from secondpass.core.candidate import Candidate
from secondpass.core.event import Event

ROWS, EVENTS = 20, 5
"""Shown at most in a table."""
QUERY, ID, TEXT, MESSAGE = 80, 16, 60, 100
"""Characters shown at most."""
_SCORE = {"probability": "P(relevant)", "raw": "raw score"}


def ranking_line(query: str, candidates: Sequence[Candidate], scale: str, events: int) -> str:
    """The query, how many candidates there are, on what scale, and the best of them."""
    best = ""
    if candidates:
        score = candidates[0].score
        best = f", best {_short(candidates[0].id, ID)!r}" + (
            "" if score is None else f" with {score:.3g}"
        )
    happened = f", {_count(events, 'event')}" if events else ""
    number = _count(len(candidates), "candidate")
    return f"Ranking({_short(query, QUERY)!r}, {number}, scale {scale!r}{best}{happened})"


def ranking_text(
    query: str, candidates: Sequence[Candidate], scale: str, events: Sequence[Event]
) -> str:
    """The first candidates with rank (from 1), score, id and text, and what happened below."""
    heads = ("rank", *([_SCORE[scale]] if scale in _SCORE else []), "id", "text")
    rows = [heads]
    for rank, c in enumerate(candidates[:ROWS], start=1):
        score = [f"{c.score:.3f}"] if scale in _SCORE else []
        rows.append((str(rank), *score, _short(c.id, ID), _short(c.text, TEXT)))
    lines = [f"{_short(query, QUERY)} ({_count(len(candidates), 'candidate')}, {scale})"]
    if candidates:
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines += ["  ".join(_padded(row, widths)).rstrip() for row in rows]
    lines += _more(len(candidates) - ROWS, "candidate")
    lines += [f"{_short(e.stage, TEXT)}: {_short(e.message, MESSAGE)}" for e in events[:EVENTS]]
    return "\n".join([*lines, *_more(len(events) - EVENTS, "event")])


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    numbers = len(row) - 2  # rank and score stand right, id and text left
    return [
        cell.rjust(width) if place < numbers else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _more(left: int, what: str) -> list[str]:
    return [f"and {_count(left, f'more {what}')}"] if left > 0 else []


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _short(text: str, most: int) -> str:
    line = " ".join(text[: 4 * most].split())
    cut = len(line) > most or len(text) > 4 * most
    return line[: most - 1] + "…" if cut else line
