"""Figures of evaluations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secondpass.core.errors import MissingExtraError

try:
    from matplotlib.figure import Figure
except ImportError as error:
    raise MissingExtraError("drawing a depth curve", "eval") from error

if TYPE_CHECKING:
    from secondpass.evaluate._depth_curve import DepthCurve


def depth_figure(curve: DepthCurve) -> Figure:
    """Quality on the left axis, milliseconds per query on the right; the knee is a dotted line."""
    figure = Figure(figsize=(7, 4.2))  # no pyplot: nothing global, no window
    left = figure.subplots()
    right = left.twinx()
    depths = [p.depth for p in curve.points]
    gains = [(p.quality, curve.first_stage + p.low, curve.first_stage + p.high)
             for p in curve.points]  # fmt: skip
    (line,) = left.plot(depths, [q for q, _, _ in gains], "o-", color="C0", label=curve.metric)
    left.fill_between(
        depths, [low for _, low, _ in gains], [high for *_, high in gains], color="C0", alpha=0.15
    )
    floor = left.axhline(curve.first_stage, color="0.5", linestyle="--", label="first stage")
    (half,) = right.plot(
        depths, [1000 * p.p50 for p in curve.points], "s-", color="C1", label="p50"
    )
    (most,) = right.plot(
        depths, [1000 * p.p95 for p in curve.points], "s:", color="C1", label="p95"
    )
    handles = [line, floor, half, most]
    if curve.knee is not None:
        knee = left.axvline(
            curve.knee.depth, color="C2", linestyle=":", label=f"knee: {curve.knee.depth}"
        )
        handles.append(knee)
    left.set(
        xlabel="candidates reranked", ylabel=curve.metric, xticks=depths,
        title=f"{curve.stage}, {curve.collection}",
    )  # fmt: skip
    right.set_ylabel("milliseconds per query")
    right.set_ylim(bottom=0)
    left.legend(handles=handles, loc="lower right", frameon=False, fontsize=8)
    left.spines["top"].set_visible(False)
    right.spines["top"].set_visible(False)
    figure.tight_layout()
    return figure
