"""What the page draws: matplotlib's figures as inline SVG, and the headroom bar."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secondpass.evaluate import Headroom

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {
    "#1f77b4": "--one", "#ff7f0e": "--two", "#2ca02c": "--three", "#d62728": "--four",
    "#000000": "--ink", "#808080": "--muted", "#999999": "--muted",
}  # fmt: skip
"""The figures' colours, and the page's colours of the same role, light or dark."""


def inline_svg(figure: Figure, key: str, label: str, size: tuple[float, float]) -> str:
    """A self-contained <svg> element; the same figure gives the same text.

    Its text stays text, and its colours become the page's.

    Args:
        figure: Is drawn once more at this size.
        key: Unique within the page; a prefix of every id.
        label: What the figure shows, for those who cannot see it; plain text.
        size: Inches; text is 10 points high, so a small figure has readable text on a phone.
    """
    import matplotlib

    figure.set_size_inches(*size)
    for axes in figure.axes:
        axes.set_title("")  # the page has a caption
        _legend_above(axes)
    if figure.get_layout_engine() is None:
        figure.tight_layout()
    out = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": key}):
        figure.savefig(
            out, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None}
        )
    return _rewrite(out.getvalue(), key, label)


def _legend_above(axes: Axes) -> None:
    """Where it cannot hide a line."""
    legend = axes.get_legend()
    if legend is None:
        return
    names = [text.get_text() for text in legend.get_texts()]
    axes.legend(
        [handle for handle in legend.legend_handles if handle is not None], names,
        loc="lower left", bbox_to_anchor=(0, 1.01), ncols=3,
        frameon=False, fontsize=9, borderaxespad=0, columnspacing=1.2, handlelength=1.8,
    )  # fmt: skip


def _rewrite(drawing: str, key: str, label: str) -> str:
    svg = drawing[drawing.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)  # holds web addresses
    for before_id in (' id="', 'href="#', "url(#"):
        svg = svg.replace(before_id, f"{before_id}{key}-")
    svg = re.sub(r"#[0-9a-f]{6}", lambda m: _colour(m.group()), svg)
    svg = re.sub(r"font: (\d+)px [^;\"]+", r"font-size: \1px", svg)  # the page's own font
    width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups()  # type: ignore[union-attr]
    shape = f'role="img" aria-label="{_attribute(label)}" viewBox="0 0 {width} {height}"'
    return re.sub(r"<svg [^>]*>", lambda _: f"<svg {shape}>", svg, count=1)


def _colour(hex: str) -> str:
    return f"var({_COLOURS[hex]})" if hex in _COLOURS else hex


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of the headroom bar: its kind for the style, its label, and its length."""

    kind: str
    label: str
    length: float


def headroom_bar(headroom: Headroom, reached: float) -> tuple[Segment, ...]:
    """Segments of a bar from 0 to at most 1, empty ones left out.

    None where a contender exceeds the best order of the candidates because it brought others: the
    bar would be wrong.

    Args:
        headroom: See `secondpass.evaluate.headroom`.
        reached: The metric's mean with the contender.
    """
    if reached > headroom.ideal + 1e-9:
        return ()
    gains = reached >= headroom.current
    low, high = sorted((reached, headroom.current))
    segments = (
        Segment("reached", "first stage" if gains else "left", low),
        Segment(
            "gain" if gains else "loss",
            "gained by reranking" if gains else "lost by reranking",
            high - low,
        ),
        Segment("order", "left to a better order", max(0.0, headroom.ideal - high)),
        Segment(
            "retriever", "not among the candidates", max(0.0, headroom.perfect - headroom.ideal)
        ),
    )
    return tuple(s for s in segments if s.length >= 0.0005)
