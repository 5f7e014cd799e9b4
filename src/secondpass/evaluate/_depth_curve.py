"""How many candidates are worth reranking: quality and latency against depth, and the knee."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secondpass.core.errors import InvalidInputError, MissingExtraError
from secondpass.core.printing import format_table, short_repr
from secondpass.core.timing import Clock, percentile, seconds_each
from secondpass.evaluate._evaluate import FIRST_STAGE, evaluate_rankings
from secondpass.evaluate._two_stage_cost import reranked_heads
from secondpass.evaluate.collection import Collection
from secondpass.evaluate.significance import bootstrap_interval
from secondpass.evaluate.systems import System, as_reranker

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEPTHS = (10, 20, 50, 100, 200)


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthPoint:
    """One depth.

    Attributes:
        depth: Number of candidates reranked; the others stay below in the old order.
        quality: The metric's mean.
        low: Lower end of the confidence interval of the gain over the first stage's order.
        high: Upper end.
        p50: Median seconds per query.
        p95: Seconds that 95 % of the queries stay below.
    """

    depth: int
    quality: float
    low: float
    high: float
    p50: float
    p95: float


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class DepthCurve:
    """What `depth_curve` measured. Print it, or draw it with `figure()`.

    Attributes:
        stage: Name.
        collection: Name.
        metric: Name.
        queries: Number of queries that the quality is measured on.
        timed: Number of queries that were timed, one at a time.
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
        largest = max(p.quality for p in self.points) - self.first_stage
        if largest <= 0:
            return None
        return next(p for p in self.points if p.quality - self.first_stage >= self.share * largest)

    @property
    def sentence(self) -> str:
        """Which depth to choose, as a sentence."""
        knee = self.knee
        if knee is None:
            return f"Reranking does not raise {self.metric} at any depth."
        last = self.points[-1]
        times = last.p50 / knee.p50 if knee.p50 else 1.0
        deeper = (
            "" if knee is last else f"; depth {last.depth} takes {times:.1f} times as long for "
            f"{last.quality - knee.quality:+.3f}"
        )  # fmt: skip
        gain = knee.quality - self.first_stage
        doubt = "" if knee.low > 0 else " (the gain's interval includes 0)"
        return (
            f"The knee is at depth {knee.depth}: {self.metric} {knee.quality:.3f}, {gain:+.3f} "
            f"over the first stage{doubt}, {1000 * knee.p50:.0f} ms per query{deeper}."
        )

    def figure(self) -> Figure:
        """Quality on the left axis, milliseconds per query on the right; the knee is dotted.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise MissingExtraError("drawing a depth curve", "eval") from error

        figure = Figure(figsize=(7, 4.2))  # no pyplot: nothing global, no window
        left = figure.subplots()
        right = left.twinx()
        depths = [p.depth for p in self.points]
        gains = [(p.quality, self.first_stage + p.low, self.first_stage + p.high)
                 for p in self.points]  # fmt: skip
        (line,) = left.plot(depths, [q for q, _, _ in gains], "o-", color="C0", label=self.metric)
        left.fill_between(
            depths,
            [low for _, low, _ in gains],
            [high for *_, high in gains],
            color="C0",
            alpha=0.15,
        )
        floor = left.axhline(self.first_stage, color="0.5", linestyle="--", label="first stage")
        (half,) = right.plot(
            depths, [1000 * p.p50 for p in self.points], "s-", color="C1", label="p50"
        )
        (most,) = right.plot(
            depths, [1000 * p.p95 for p in self.points], "s:", color="C1", label="p95"
        )
        handles = [line, floor, half, most]
        if self.knee is not None:
            knee = left.axvline(
                self.knee.depth, color="C2", linestyle=":", label=f"knee: {self.knee.depth}"
            )
            handles.append(knee)
        left.set(
            xlabel="candidates reranked", ylabel=self.metric, xticks=depths,
            title=f"{self.stage}, {self.collection}",
        )  # fmt: skip
        right.set_ylabel("milliseconds per query")
        right.set_ylim(bottom=0)
        left.legend(handles=handles, loc="lower right", frameon=False, fontsize=8)
        left.spines["top"].set_visible(False)
        right.spines["top"].set_visible(False)
        figure.tight_layout()
        return figure

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


def depth_curve(
    stage: System,
    collection: Collection,
    depths: Sequence[int] = DEPTHS,
    metric: str = "nDCG@10",
    *,
    timed: int = 10,
    repeats: int = 3,
    share: float = 0.95,
    seed: int = 0,
    clock: Clock = time.perf_counter,
) -> DepthCurve:
    """Quality and latency of reranking the first 10, 20, 50, ... candidates, on this machine.

    Pointwise stages score once, at the largest depth, and the shallower orders follow from that;
    others run at each depth. Times are always real: for some queries, spread evenly over the
    collection, one at a time at each depth, after a warm-up, medians of the repeats.

    Args:
        stage: A model string, a stage, or a recipe or its path; not a retriever.
        collection: With enough candidates; depths beyond what it has are left out, with a note.
        depths: Numbers of candidates to rerank.
        metric: See `Metric.of`.
        timed: Number of queries that are timed.
        repeats: How often each is timed.
        share: The knee is the smallest depth with this share of the largest gain.
        seed: Of the bootstrap.
        clock: For tests.

    Raises:
        InvalidInputError: No usable depth, or a retriever.
        SecondPassError: What loading and running the stage may raise.
    """
    reranker = as_reranker(stage, "so it has no depth")
    if not 0 < share <= 1 or timed < 1 or repeats < 1:
        raise InvalidInputError(
            f"share={share}, timed={timed}, repeats={repeats}: the share lies in (0, 1], and at "
            "least one query is timed once"
        )
    used, notes = _usable_depths(depths, collection)
    heads = reranked_heads(reranker, collection, used)
    base = evaluate_rankings(FIRST_STAGE, collection, collection.rankings, metric)
    (name,) = base.values
    queries = len(collection)
    timed = min(timed, queries)
    sample = [collection[i * queries // timed] for i in range(timed)]
    rounds = [[t.ranking.head(k) for t in sample] for k in used]
    points = []
    for k, times in zip(used, seconds_each(reranker, rounds, repeats, clock), strict=True):
        values = evaluate_rankings(reranker.name, collection, heads[k], metric).of(name)
        gains = [after - before for after, before in zip(values, base.of(name), strict=True)]
        low, high = bootstrap_interval(gains, seed=seed)
        p50, p95 = percentile(times, 50), percentile(times, 95)
        quality = statistics.fmean(values)
        points.append(DepthPoint(depth=k, quality=quality, low=low, high=high, p50=p50, p95=p95))
    return DepthCurve(
        stage=reranker.name,
        collection=collection.name,
        metric=name,
        queries=queries,
        timed=timed,
        first_stage=statistics.fmean(base.of(name)),
        points=tuple(points),
        share=share,
        notes=notes,
    )


def _usable_depths(
    depths: Sequence[int], collection: Collection
) -> tuple[list[int], tuple[str, ...]]:
    """The depths for which the collection has candidates, rising, and a note on the others.

    Raises:
        InvalidInputError: None is left, or one is below 1.
    """
    if any(k < 1 for k in depths):
        raise InvalidInputError(f"depths={list(depths)}: at least one candidate is reranked")
    available = max(len(r) for r in collection.rankings)
    ordered = sorted(set(depths))
    used = [k for k in ordered if k <= available]
    if len(used) < len(ordered) and available not in used:
        used.append(available)
    if not used or not available:
        raise InvalidInputError(
            f"no depth to measure: depths={list(depths)}, {available} candidates"
        )
    beyond = [str(k) for k in ordered if k > available]
    if not beyond:
        return used, ()
    return used, (
        f"the collection has {available} candidates per query, so {available} stands for "
        f"{', '.join(beyond)}",
    )
