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
"""In matplotlib's cycle; after that they repeat, with another line style."""


def new_figure(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """An empty figure with axes side by side; width and height in inches.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("drawing a figure", "eval") from error
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = [figure.add_subplot(1, columns, i + 1) for i in range(columns)]
    for panel in axes:
        panel.spines[["top", "right"]].set_visible(False)
    return figure, axes


def reliability_diagram(curves: Mapping[str, Sequence[ReliabilityPoint]], title: str) -> Figure:
    """Stated probability against observed share, a line for each name.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure, (axes,) = new_figure(6.5, 6.5)
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1, label="perfect")
    for index, (name, points) in enumerate(curves.items()):
        below = [max(0.0, p.observed - p.low) for p in points]
        above = [max(0.0, p.high - p.observed) for p in points]
        axes.errorbar(
            [p.predicted for p in points], [p.observed for p in points], yerr=[below, above],
            fmt=("o-", "s--", "^:")[index // COLOURS % 3], markersize=3,
            linewidth=1.2, elinewidth=0.6, capsize=2, label=name,
        )  # fmt: skip
    axes.set(
        xlabel="stated P(relevant)", ylabel="observed share of relevant pairs",
        title=title, xlim=(0, 1), ylim=(0, 1),
    )  # fmt: skip
    axes.legend(fontsize=8, frameon=False)
    return figure
