"""What one would rather look at than read: a list before and after, and who moved where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import matplotlib.pyplot as plt
from IPython.display import HTML
from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Row:
    """One passage in a list: its title, its text, its score, and its id."""

    id: str
    title: str
    text: str
    score: float | None


def two_lists(question: str, before: Sequence[Row], after: Sequence[Row], score: str) -> HTML:
    """Both lists beside each other. `score` says what the numbers on the right are."""
    was = {row.id: rank for rank, row in enumerate(before, start=1)}
    left = "".join(_line(rank, row, "") for rank, row in enumerate(before, start=1))
    right = "".join(
        _line(rank, row, f"was {was[row.id]}" if row.id in was else "was further down")
        for rank, row in enumerate(after, start=1)
    )
    head = "text-align:left;vertical-align:top;width:50%"
    similarity = " (similarity)" if any(row.score is not None for row in before) else ""
    nothing = "<i>nothing: no passage was likely enough to answer</i>"
    return HTML(
        f"<b>{escape(question)}</b><table style='width:100%'><tr><th style='{head}'>retrieved"
        f"{similarity}</th><th style='{head}'>reranked ({score})</th></tr>"
        f"<tr><td style='{head}'>{left}</td><td style='{head}'>{right or nothing}</td></tr></table>"
    )


def moves(before: Sequence[Row], after: Sequence[Row], deepest: int = 30) -> Figure:
    """Lines from the place in the retriever's list to the place in ours."""
    was = {row.id: rank for rank, row in enumerate(before, start=1)}
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for rank, row in enumerate(after, start=1):
        old = min(was.get(row.id, deepest), deepest)
        colour = "tab:green" if old > rank else "tab:gray"
        axes.plot([0, 1], [old, rank], color=colour, marker="o")
        said = "" if row.score is None else f"{row.score:.2f}  "
        axes.annotate(f"{said}{row.title[:44]}", (1.03, rank), va="center", fontsize=9)
    axes.set_xlim(-0.1, 2.6)
    axes.set_ylim(deepest + 1, 0)
    axes.set_xticks([0, 1], ["retrieved", "reranked"])
    axes.set_ylabel("place, 1 is best")
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    plt.close(figure)  # the notebook shows what a cell gives back, and would show it twice
    return figure


def _line(rank: int, row: Row, note: str) -> str:
    score = "" if row.score is None else f"{row.score:.2f}"
    text = escape(" ".join(row.text.split())[:110])
    faint = f"<small style='opacity:.7'>{text}… <i>{note}</i></small>"
    return f"<p>{rank}. <code>{score}</code> <b>{escape(row.title)}</b><br>{faint}</p>"
