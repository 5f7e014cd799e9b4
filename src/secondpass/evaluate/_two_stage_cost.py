"""Cost and quality of a cheap stage and an expensive one behind it, for each rerank depth k."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from secondpass.core.errors import InvalidInputError
from secondpass.core.printing import format_table, short_repr
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage
from secondpass.core.timing import Clock, seconds_each
from secondpass.evaluate._evaluate import evaluate_rankings
from secondpass.evaluate.collection import Collection
from secondpass.evaluate.systems import System, as_reranker


@dataclass(frozen=True, slots=True, kw_only=True)
class CostPoint:
    """One k.

    Attributes:
        k: Number of candidates that the expensive stage sees.
        seconds: Expected per query: n * cheap + k * expensive.
        quality: The metric's mean.
    """

    k: int
    seconds: float
    quality: float


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class TwoStageCost:
    """What `two_stage_cost` measured. Print it.

    Attributes:
        cheap: Name of the stage that sees all candidates.
        expensive: Name of the stage that sees the best k.
        collection: Name.
        metric: Name.
        n: Candidates of each query.
        cheap_seconds: Measured, for one candidate.
        expensive_seconds: Measured, for one candidate.
        points: One for each k, rising; k = 0 is the cheap stage alone.
        alone: The expensive stage on all n without the cheap one.
    """

    cheap: str
    expensive: str
    collection: str
    metric: str
    n: int
    cheap_seconds: float
    expensive_seconds: float
    points: tuple[CostPoint, ...]
    alone: CostPoint

    def __str__(self) -> str:
        plans = {f"cheap on {self.n}, expensive on {p.k}": p for p in self.points}
        plans[f"expensive on {self.n}"] = self.alone
        rows = [[plan, f"{1000 * p.seconds:.1f}", f"{p.quality:.4f}"] for plan, p in plans.items()]
        return "\n".join(
            [
                f"{self.collection}: {self.n} candidates, cheap is {self.cheap} "
                f"({1000 * self.cheap_seconds:.3f} ms each), expensive is {self.expensive} "
                f"({1000 * self.expensive_seconds:.3f} ms each)",
                format_table(["plan", "ms per query", self.metric], rows),
            ]
        )


def two_stage_cost(
    cheap: System,
    expensive: System,
    collection: Collection,
    *,
    n: int = 100,
    ks: Sequence[int] = (10, 20, 50),
    metric: str = "nDCG@10",
    timed: int = 5,
    repeats: int = 3,
    clock: Clock = time.perf_counter,
) -> TwoStageCost:
    """The arithmetic of two stages, n * c1 + k * c2, with unit costs measured here.

    Args:
        cheap: Orders all n candidates.
        expensive: Reorders the first k of them.
        collection: With n candidates per query, or fewer.
        n: Candidates of each query.
        ks: Numbers of candidates that the expensive stage sees.
        metric: See `Metric.of`.
        timed: Number of queries timed for the unit costs, one at a time after a warm-up.
        repeats: How often each is timed; medians count.
        clock: For tests.

    Raises:
        InvalidInputError: A k outside 0 to n, a retriever, or a cheap stage that cuts candidates.
        SecondPassError: What loading and running the stages may raise.
    """
    first = as_reranker(cheap, "and both stages are rerankers")
    second = as_reranker(expensive, "and both stages are rerankers")
    cut = collection.cut(n)
    largest = max(len(r) for r in cut.rankings)
    depths = sorted({0, *ks})
    if not largest or depths[0] < 0 or depths[-1] > largest or timed < 1 or repeats < 1:
        raise InvalidInputError(
            f"ks={list(ks)}: each k lies between 0 and the {largest} candidates of a query; at "
            "least one query is timed once"
        )
    ordered = first.run(cut.rankings)
    if any(len(o) != len(r) for o, r in zip(ordered, cut.rankings, strict=True)):
        raise InvalidInputError(f"{first.name} cuts candidates; the cheap stage must keep all")
    plain = [Ranking.of(o.query, o.candidates) for o in ordered]
    by_depth = reranked_heads(second, cut.reordered(plain, cut.name), depths)
    c1 = _unit_cost(first, cut, timed, repeats, clock)
    c2 = _unit_cost(second, cut, timed, repeats, clock)
    direct = evaluate_rankings("", cut, second.run(cut.rankings), metric).means
    ((name, quality),) = direct.items()
    mean_n = statistics.fmean(len(r) for r in cut.rankings)
    points = tuple(
        CostPoint(
            k=k,
            seconds=mean_n * c1 + min(k, mean_n) * c2,
            quality=evaluate_rankings("", cut, by_depth[k], metric).means[name],
        )
        for k in depths
    )
    return TwoStageCost(
        cheap=first.name,
        expensive=second.name,
        collection=cut.name,
        metric=name,
        n=largest,
        cheap_seconds=c1,
        expensive_seconds=c2,
        points=points,
        alone=CostPoint(k=largest, seconds=mean_n * c2, quality=quality),
    )


def reranked_heads(
    stage: Stage, collection: Collection, depths: Sequence[int]
) -> dict[int, list[Ranking]]:
    """For each depth, and each query, the head reranked and the rest below it, as orders.

    Args:
        stage: Run once if it is pointwise, otherwise once at each depth.
        collection: Its candidates, in the first stage's order.
        depths: Numbers of candidates to rerank; 0 is the first stage's own order.
    """
    deepest = [r.head(max(depths)) for r in collection.rankings]
    whole = stage.run(deepest) if stage.pointwise else None
    joined = {}
    for k in depths:
        heads = [r.head(k) for r in deepest]
        if whole is not None:
            heads = [_without_others(w, h) for w, h in zip(whole, heads, strict=True)]
        elif k:
            heads = stage.run(heads)
        joined[k] = [_above_rest(h, r, k) for h, r in zip(heads, collection.rankings, strict=True)]
    return joined


def _without_others(whole: Ranking, head: Ranking) -> Ranking:
    ids = set(head.ids)
    return replace(whole, candidates=tuple(c for c in whole if c.id in ids))


def _above_rest(head: Ranking, ranking: Ranking, k: int) -> Ranking:
    candidates = (*head.candidates, *ranking.candidates[k:])
    return replace(
        ranking,
        candidates=tuple(replace(c, score=None) for c in candidates),
        scale="order",
        events=head.events,
    )


def _unit_cost(
    stage: Stage, collection: Collection, timed: int, repeats: int, clock: Clock
) -> float:
    """Seconds per candidate."""
    sample = [r for r in collection.rankings if len(r)][:timed]
    (seconds,) = seconds_each(stage, [sample], repeats, clock)
    return sum(seconds) / sum(len(r) for r in sample)
