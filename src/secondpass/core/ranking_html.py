"""A ranking as an HTML table, for notebooks. Everything in it is escaped, and its size bounded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from secondpass.core.candidate import Candidate, Mark

ROWS, EVENTS, MARKS = 20, 10, 8
"""Shown at most: candidates, events, and what stages said of one candidate."""
TEXT, NAME, VALUE = 240, 60, 60
"""Characters shown at most: of a text, of an id or a stage's name, of one value in a note."""
_SCORE = {"probability": "P(relevant)", "raw": "raw score"}
_LEFT, _RIGHT = "text-align:left;vertical-align:top", "text-align:right;vertical-align:top"


def ranking_table(
    query: str, candidates: Sequence[Candidate], scale: str, events: Sequence[tuple[str, str]]
) -> str:
    """The first candidates with score, text and trail, and what happened below.

    Args:
        query: What was asked.
        candidates: Best first.
        scale: See `Scale`; an order has no column of scores.
        events: Stage and message of each, oldest first.
    """
    score = _SCORE.get(scale)
    heads = [("rank", _RIGHT), *([(score, _RIGHT)] if score else [])]
    heads += [(head, _LEFT) for head in ("id", "text", "trail")]
    head = "".join(f'<th style="{style}">{name}</th>' for name, style in heads)
    rows = "".join(
        _row(rank, c, score is not None) for rank, c in enumerate(candidates[:ROWS], start=1)
    )
    caption = f"{_short(query, TEXT)} <small>({_count(len(candidates))}, {escape(scale)})</small>"
    table = (
        f'<table><caption style="text-align:left"><b>{caption}</b></caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )
    return f"<div>{table}{_more(len(candidates), ROWS, 'candidate')}{_events(events)}</div>"


def _row(rank: int, c: Candidate, scored: bool) -> str:
    score = f'<td style="{_RIGHT}">{c.score:.4g}</td>' if scored else ""
    trail = "<br>".join(_mark(m) for m in c.trail[-MARKS:])
    return (
        f'<tr><td style="{_RIGHT}">{rank}</td>{score}<td style="{_LEFT}">{_short(c.id, NAME)}</td>'
        f'<td style="{_LEFT}" dir="auto">{_short(c.text, TEXT)}</td>'
        f'<td style="{_LEFT}"><small>{trail}</small></td></tr>'
    )


def _mark(mark: Mark) -> str:
    score = "" if mark.score is None else f", {mark.score:.4g}"
    return f"{_short(mark.stage, NAME)}: rank {mark.rank + 1}{score}{_note(mark.note)}"


def _note(note: Mapping[str, object]) -> str:
    shown = "".join(
        f", {_short(str(k), VALUE)} {_short(str(v), VALUE)}" for k, v in list(note.items())[:MARKS]
    )
    return shown + (", …" if len(note) > MARKS else "")


def _events(events: Sequence[tuple[str, str]]) -> str:
    if not events:
        return ""
    items = "".join(
        f"<li>{_short(stage, NAME)}: {_short(message, TEXT)}</li>"
        for stage, message in events[:EVENTS]
    )
    return f"<ul>{items}</ul>{_more(len(events), EVENTS, 'event')}"


def _more(number: int, shown: int, what: str) -> str:
    left = number - shown
    return f"<p>and {left} more {what}{'s' if left > 1 else ''}</p>" if left > 0 else ""


def _count(number: int) -> str:
    return f"{number} candidate{'' if number == 1 else 's'}"


def _short(text: str, most: int) -> str:
    line = " ".join(text[: 4 * most].split())
    cut = len(line) > most or len(text) > 4 * most
    return escape(line[: most - 1] + "…" if cut else line)
