"""How many candidates are worth reranking: quality and time against depth."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secondpass.errors import InvalidInputError
from secondpass.evaluate.contender import Model, as_ranker
from secondpass.evaluate.evaluating import FIRST_STAGE, evaluated
from secondpass.evaluate.retriever import Retriever
from secondpass.evaluate.significance import Interval, bootstrap_interval
from secondpass.evaluate.slicing import reranked_heads
from secondpass.evaluate.table import plain_table
from secondpass.evaluate.timing import Clock, percentile, seconds_each
from secondpass.evaluate.topic import Collection

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEPTHS = (10, 20, 50, 100, 200)


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
        from secondpass.evaluate.depth_figure import depth_figure

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
        return "\n".join([title, plain_table(head, rows), self.sentence, *notes])


def depth_curve(
    stage: Model,
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
        stage: A model string, a stage, or a recipe; no retriever.
        collection: With enough candidates; depths beyond what it has are left out, with a note.
        depths: How many candidates are reranked.
        metric: See `Metric.of`.
        timed: How many queries are timed.
        repeats: How often each is timed.
        share: The knee is the smallest depth with this share of the largest gain.
        seed: Of the bootstrap.
        clock: For tests.

    Raises:
        InvalidInputError: No usable depth, or a retriever.
        SecondPassError: What loading and running the stage may raise.
    """
    ranker = as_ranker(stage)
    if isinstance(ranker, Retriever):
        raise InvalidInputError(f"{ranker.name} brings its own candidates, so it has no depth")
    if not 0 < share <= 1 or timed < 1 or repeats < 1:
        raise InvalidInputError(
            f"share={share}, timed={timed}, repeats={repeats}: the share lies in (0, 1], and at "
            "least one query is timed once"
        )
    used, notes = usable(depths, collection)
    heads = reranked_heads(ranker, collection, used)
    base = evaluated(FIRST_STAGE, collection, collection.rankings, metric)
    (name,) = base.values
    every = len(collection)
    spread = [collection[i * every // min(timed, every)] for i in range(min(timed, every))]
    rounds = [[t.ranking.head(k) for t in spread] for k in used]
    seconds = seconds_each(ranker, rounds, repeats, clock)
    points = []
    for k, times in zip(used, seconds, strict=True):
        values = evaluated(ranker.name, collection, heads[k], metric).of(name)
        gain = _gain(values, base.of(name), seed)
        points.append(
            DepthPoint(
                k, statistics.fmean(values), *gain, percentile(times, 50), percentile(times, 95)
            )
        )
    return DepthCurve(
        ranker.name, collection.name, name, every, len(spread), statistics.fmean(base.of(name)),
        tuple(points), share, notes,
    )  # fmt: skip


def usable(depths: Sequence[int], collection: Collection) -> tuple[list[int], tuple[str, ...]]:
    """The depths that the collection has candidates for, rising, and what to say of the others.

    Raises:
        InvalidInputError: None is left, or one is below 1.
    """
    if any(k < 1 for k in depths):
        raise InvalidInputError(f"depths={list(depths)}: at least one candidate is reranked")
    most = max(len(r) for r in collection.rankings)
    ordered = sorted(set(depths))
    used = [k for k in ordered if k <= most]
    if len(used) < len(ordered) and most not in used:
        used.append(most)
    if not used or not most:
        raise InvalidInputError(f"no depth to measure: depths={list(depths)}, {most} candidates")
    gone = [str(k) for k in ordered if k > most]
    if not gone:
        return used, ()
    return used, (
        f"the collection has {most} candidates a query, so {most} stands for {', '.join(gone)}",
    )


def _gain(values: Sequence[float], base: Sequence[float], seed: int) -> Interval:
    gaps = [after - before for after, before in zip(values, base, strict=True)]
    return bootstrap_interval(gaps, seed=seed)
