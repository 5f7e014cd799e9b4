"""How a ranking shows itself: a line for `repr`, a table for `print`, an HTML table for notebooks.

Sizes are bounded, and everything in the HTML is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from secondpass.core.candidate import Candidate, Mark
from secondpass.core.event import Event
from secondpass.core.evidence import shown_evidence

ROWS = 20
"""Candidates shown at most."""
EVENTS, HTML_EVENTS, HTML_MARKS = 5, 10, 8
"""Shown at most: events in each kind of table, marks of one candidate."""
QUERY, ID, TEXT, MESSAGE = 80, 16, 60, 100
"""Characters shown at most in plain text."""
HTML_TEXT, HTML_NAME, HTML_VALUE = 240, 60, 60
"""Characters shown at most in HTML: of a text, of an id or a stage's name, of a value in a note."""
_SCORE = {"probability": "P(relevant)", "raw": "raw score"}
_LEFT, _RIGHT = "text-align:left;vertical-align:top", "text-align:right;vertical-align:top"


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
    """The first candidates with rank (from 1), score, id and text, and the events below."""
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


def ranking_html(
    query: str, candidates: Sequence[Candidate], scale: str, events: Sequence[Event]
) -> str:
    """The first candidates with score, text and trail, and the events below.

    Args:
        query: What was asked.
        candidates: Best first.
        scale: See `Scale`; an order has no column of scores.
        events: Oldest first.
    """
    score = _SCORE.get(scale)
    heads = [("rank", _RIGHT), *([(score, _RIGHT)] if score else [])]
    heads += [(head, _LEFT) for head in ("id", "text", "trail")]
    head = "".join(f'<th style="{style}">{name}</th>' for name, style in heads)
    rows = "".join(
        _html_row(rank, c, score is not None) for rank, c in enumerate(candidates[:ROWS], start=1)
    )
    number = _count(len(candidates), "candidate")
    caption = f"{_html_short(query, HTML_TEXT)} <small>({number}, {escape(scale)})</small>"
    table = (
        f'<table><caption style="text-align:left"><b>{caption}</b></caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )
    more = "".join(f"<p>{line}</p>" for line in _more(len(candidates) - ROWS, "candidate"))
    return f"<div>{table}{more}{_html_events(events)}</div>"


def _html_row(rank: int, c: Candidate, scored: bool) -> str:
    score = f'<td style="{_RIGHT}">{c.score:.4g}</td>' if scored else ""
    trail = "<br>".join(_html_mark(m) for m in c.trail[-HTML_MARKS:])
    name, text = _html_short(c.id, HTML_NAME), _html_evidence(c)
    return (
        f'<tr><td style="{_RIGHT}">{rank}</td>{score}<td style="{_LEFT}">{name}</td>'
        f'<td style="{_LEFT}" dir="auto">{text}</td>'
        f'<td style="{_LEFT}"><small>{trail}</small></td></tr>'
    )


def _html_evidence(c: Candidate) -> str:
    pieces = shown_evidence(c.text, c.evidence, HTML_TEXT)
    return "".join(f"<mark>{escape(s)}</mark>" if marked else escape(s) for s, marked in pieces)


def _html_mark(mark: Mark) -> str:
    score = "" if mark.score is None else f", {mark.score:.4g}"
    name = _html_short(mark.stage, HTML_NAME)
    return f"{name}: rank {mark.rank + 1}{score}{_html_note(mark.note)}"


def _html_note(note: Mapping[str, object]) -> str:
    shown = [(key, value) for key, value in note.items() if key != "evidence"]  # in the text
    entries = "".join(
        f", {_html_short(str(key), HTML_VALUE)} {_html_short(str(value), HTML_VALUE)}"
        for key, value in shown[:HTML_MARKS]
    )
    return entries + (", …" if len(shown) > HTML_MARKS else "")


def _html_events(events: Sequence[Event]) -> str:
    if not events:
        return ""
    items = "".join(
        f"<li>{_html_short(e.stage, HTML_NAME)}: {_html_short(e.message, HTML_TEXT)}</li>"
        for e in events[:HTML_EVENTS]
    )
    more = "".join(f"<p>{line}</p>" for line in _more(len(events) - HTML_EVENTS, "event"))
    return f"<ul>{items}</ul>{more}"


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    numbers = len(row) - 2  # rank and score stand right, id and text left
    return [
        cell.rjust(width) if column < numbers else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _more(left: int, what: str) -> list[str]:
    return [f"and {_count(left, f'more {what}')}"] if left > 0 else []


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _short(text: str, most: int) -> str:
    line = " ".join(text[: 4 * most].split())
    is_cut = len(line) > most or len(text) > 4 * most
    return line[: most - 1] + "…" if is_cut else line


def _html_short(text: str, most: int) -> str:
    return escape(_short(text, most))
