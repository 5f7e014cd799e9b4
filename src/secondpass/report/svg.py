"""matplotlib's figures as SVG inside a page: its text stays text, its colours become the page's."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = {
    "#1f77b4": "--one", "#ff7f0e": "--two", "#2ca02c": "--three", "#d62728": "--four",
    "#000000": "--ink", "#808080": "--muted", "#999999": "--muted",
}  # fmt: skip
"""What the figures use, and the page's colour of the same role, in light and in dark."""


def inline_svg(figure: Figure, key: str, label: str, size: tuple[float, float]) -> str:
    """An <svg> element that needs nothing else; the same figure gives the same text.

    Args:
        figure: Is drawn once more at this size.
        key: Unique within the page; goes before every id.
        label: What is to be seen, for those who do not see it; plain text.
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
    return _inlined(out.getvalue(), key, label)


def _legend_above(axes: Axes) -> None:
    """Out of the way of the lines, whatever they do."""
    legend = axes.get_legend()
    if legend is None:
        return
    names = [text.get_text() for text in legend.get_texts()]
    axes.legend(
        [handle for handle in legend.legend_handles if handle is not None], names,
        loc="lower left", bbox_to_anchor=(0, 1.01), ncols=3,
        frameon=False, fontsize=9, borderaxespad=0, columnspacing=1.2, handlelength=1.8,
    )  # fmt: skip


def _inlined(drawing: str, key: str, label: str) -> str:
    svg = drawing[drawing.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)  # names web addresses
    for place in (' id="', 'href="#', "url(#"):
        svg = svg.replace(place, f"{place}{key}-")
    svg = re.sub(r"#[0-9a-f]{6}", lambda m: _colour(m.group()), svg)
    svg = re.sub(r"font: (\d+)px [^;\"]+", r"font-size: \1px", svg)  # the page's own font
    width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups()  # type: ignore[union-attr]
    shape = f'role="img" aria-label="{_attribute(label)}" viewBox="0 0 {width} {height}"'
    return re.sub(r"<svg [^>]*>", lambda _: f"<svg {shape}>", svg, count=1)


def _colour(hex: str) -> str:
    return f"var({_COLOURS[hex]})" if hex in _COLOURS else hex


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
