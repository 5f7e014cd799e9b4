"""Plots of calibration; matplotlib is imported when one is drawn, without any global state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from secondpass.calibrate.metrics.calibration_error import ReliabilityPoint
from secondpass.core.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = 10
"""Of matplotlib's cycle; then they begin again, with another line."""


def blank(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure with so many axes side by side, in inches.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("drawing a figure", "eval") from error
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = [figure.add_subplot(1, columns, i + 1) for i in range(columns)]
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
    return figure, axes


def reliability_diagram(curves: Mapping[str, Sequence[ReliabilityPoint]], title: str) -> Figure:
    """Stated probability against observed share, a line for each name.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure, (axes,) = blank(6.5, 6.5)
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1, label="perfect")
    for place, (name, points) in enumerate(curves.items()):
        seen = [p.observed for p in points]
        below = [max(0.0, p.observed - p.low) for p in points]
        above = [max(0.0, p.high - p.observed) for p in points]
        axes.errorbar(
            [p.predicted for p in points], seen, yerr=[below, above],
            fmt=("o-", "s--", "^:")[place // COLOURS % 3], markersize=3,
            linewidth=1.2, elinewidth=0.6, capsize=2, label=name,
        )  # fmt: skip
    axes.set(
        xlabel="stated P(relevant)", ylabel="observed share of relevant pairs",
        title=title, xlim=(0, 1), ylim=(0, 1),
    )  # fmt: skip
    axes.legend(fontsize=8, frameon=False)
    return figure
