"""How many candidates are worth reranking: quality and time against depth."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from secondpass.core.errors import InvalidInputError
from secondpass.core.timing import Clock, percentile, seconds_each
from secondpass.evaluate._evaluate import FIRST_STAGE, evaluate_rankings
from secondpass.evaluate.collection import Collection
from secondpass.evaluate.depth_curve import DepthCurve, DepthPoint
from secondpass.evaluate.framework_retriever import FrameworkRetriever
from secondpass.evaluate.rerank_at_depths import reranked_heads
from secondpass.evaluate.significance import Interval, bootstrap_interval
from secondpass.evaluate.systems import System, as_ranker

if TYPE_CHECKING:
    pass

DEPTHS = (10, 20, 50, 100, 200)


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
    if isinstance(ranker, FrameworkRetriever):
        raise InvalidInputError(f"{ranker.name} brings its own candidates, so it has no depth")
    if not 0 < share <= 1 or timed < 1 or repeats < 1:
        raise InvalidInputError(
            f"share={share}, timed={timed}, repeats={repeats}: the share lies in (0, 1], and at "
            "least one query is timed once"
        )
    used, notes = usable(depths, collection)
    heads = reranked_heads(ranker, collection, used)
    base = evaluate_rankings(FIRST_STAGE, collection, collection.rankings, metric)
    (name,) = base.values
    every = len(collection)
    spread = [collection[i * every // min(timed, every)] for i in range(min(timed, every))]
    rounds = [[t.ranking.head(k) for t in spread] for k in used]
    seconds = seconds_each(ranker, rounds, repeats, clock)
    points = []
    for k, times in zip(used, seconds, strict=True):
        values = evaluate_rankings(ranker.name, collection, heads[k], metric).of(name)
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
