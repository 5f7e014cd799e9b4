"""What a reranker gains and costs at each depth, and where the knee is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secondpass.core.short_repr import short_repr
from secondpass.core.text_table import format_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class DepthPoint:
    """One depth.

    Attributes:
        depth: How many candidates are reranked; the rest stays below in the old order.
        quality: The metric's mean.
        low: Lower end of the confidence interval of the gain over the first stage's order.
        high: Upper end.
        p50: Median seconds a query.
        p95: Seconds that 95 % of the queries stay below.
    """

    depth: int
    quality: float
    low: float
    high: float
    p50: float
    p95: float


@short_repr
@dataclass(frozen=True, slots=True)
class DepthCurve:
    """What `depth_curve` found. Print it, or draw it with `figure()`.

    Attributes:
        stage: Name.
        collection: Name.
        metric: Name.
        queries: How many the quality is measured on.
        timed: How many were timed, one at a time.
        first_stage: The metric in the first stage's own order.
        points: One for each depth, rising.
        share: Of the largest gain that the knee must reach.
        notes: Depths that were left out, and why.
    """

    stage: str
    collection: str
    metric: str
    queries: int
    timed: int
    first_stage: float
    points: tuple[DepthPoint, ...]
    share: float
    notes: tuple[str, ...]

    @property
    def knee(self) -> DepthPoint | None:
        """The smallest depth that reaches `share` of the largest gain; None if there is no gain."""
        most = max(p.quality for p in self.points) - self.first_stage
        if most <= 0:
            return None
        return next(p for p in self.points if p.quality - self.first_stage >= self.share * most)

    @property
    def sentence(self) -> str:
        """What to choose, for people."""
        knee = self.knee
        if knee is None:
            return f"Reranking does not raise {self.metric} at any depth."
        last = self.points[-1]
        times = last.p50 / knee.p50 if knee.p50 else 1.0
        more = (
            "" if knee is last else f"; depth {last.depth} takes {times:.1f} times as long for "
            f"{last.quality - knee.quality:+.3f}"
        )  # fmt: skip
        gain = knee.quality - self.first_stage
        doubt = "" if knee.low > 0 else " (the gain's interval includes 0)"
        return (
            f"The knee is at depth {knee.depth}: {self.metric} {knee.quality:.3f}, "
            f"{gain:+.3f} over the first stage{doubt}, {1000 * knee.p50:.0f} ms a query{more}."
        )

    def figure(self) -> Figure:
        """Quality and latency against depth, the knee marked.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        from secondpass.evaluate.plots import depth_figure

        return depth_figure(self)

    def __str__(self) -> str:
        head = ["depth", self.metric, "gain", "95% interval", "p50 ms", "p95 ms"]
        rows = [["0", f"{self.first_stage:.4f}", "", "", "", ""]]
        rows += [
            [str(p.depth), f"{p.quality:.4f}", f"{p.quality - self.first_stage:+.4f}",
             f"[{p.low:+.4f}, {p.high:+.4f}]", f"{1000 * p.p50:.1f}", f"{1000 * p.p95:.1f}"]
            for p in self.points
        ]  # fmt: skip
        title = (
            f"{self.stage} on {self.collection}: {self.queries} queries, {self.timed} timed one at "
            "a time"
        )
        notes = (f"note: {note}" for note in self.notes)
        return "\n".join([title, format_table(head, rows), self.sentence, *notes])
