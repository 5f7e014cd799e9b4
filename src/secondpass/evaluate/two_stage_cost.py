"""Two stages, a cheap one on all and a dear one on the best: what each k costs and brings."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from secondpass.core.errors import InvalidInputError
from secondpass.core.ranking import Ranking
from secondpass.core.short_repr import short_repr
from secondpass.core.stage import Stage
from secondpass.core.text_table import format_table
from secondpass.core.timing import Clock, seconds_each
from secondpass.evaluate._evaluate import evaluate_rankings
from secondpass.evaluate.collection import Collection
from secondpass.evaluate.framework_retriever import FrameworkRetriever
from secondpass.evaluate.rerank_at_depths import reranked_heads
from secondpass.evaluate.systems import System, as_ranker


@dataclass(frozen=True, slots=True)
class CostPoint:
    """One k.

    Attributes:
        k: How many candidates the dear stage sees.
        seconds: Expected for a query: n * cheap + k * dear.
        quality: The metric's mean.
    """

    k: int
    seconds: float
    quality: float


@short_repr
@dataclass(frozen=True, slots=True)
class TwoStageCost:
    """What `two_stage_cost` found. Print it.

    Attributes:
        cheap: Name of the stage that sees all.
        expensive: Name of the stage that sees the best k.
        collection: Name.
        metric: Name.
        n: Candidates of each query.
        cheap_seconds: Measured, for one candidate.
        expensive_seconds: Measured, for one candidate.
        points: One for each k, rising; k = 0 is the cheap stage alone.
        alone: The dear stage on all n without the cheap one.
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
        rows = [
            [f"cheap on {self.n}, dear on {p.k}", f"{1000 * p.seconds:.1f}", f"{p.quality:.4f}"]
            for p in self.points
        ]
        alone = [f"dear on {self.n}", f"{1000 * self.alone.seconds:.1f}"]
        rows.append([*alone, f"{self.alone.quality:.4f}"])
        return "\n".join(
            [
                f"{self.collection}: {self.n} candidates, cheap is {self.cheap} "
                f"({1000 * self.cheap_seconds:.3f} ms each), dear is {self.expensive} "
                f"({1000 * self.expensive_seconds:.3f} ms each)",
                format_table(["plan", "ms a query", self.metric], rows),
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
        collection: With n candidates a query, or fewer.
        n: Candidates of each query.
        ks: How many of them the dear stage sees.
        metric: See `Metric.of`.
        timed: Queries timed for the unit costs, one at a time after a warm-up.
        repeats: How often each is timed; medians count.
        clock: For tests.

    Raises:
        InvalidInputError: A k outside 0 to n, a retriever, or a stage that cuts candidates.
        SecondPassError: What loading and running the stages may raise.
    """
    first, second = _stage(cheap), _stage(expensive)
    given = collection.cut(n)
    most = max(len(r) for r in given.rankings)
    wanted = sorted({0, *ks})
    if not most or wanted[0] < 0 or wanted[-1] > most or timed < 1 or repeats < 1:
        raise InvalidInputError(
            f"ks={list(ks)}: each k lies between 0 and the {most} candidates of a query; at least "
            "one query is timed once"
        )
    ordered = first.run(given.rankings)
    if any(len(o) != len(r) for o, r in zip(ordered, given.rankings, strict=True)):
        raise InvalidInputError(f"{first.name} cuts candidates; the cheap stage must keep all")
    plain = [Ranking.of(o.query, o.candidates) for o in ordered]
    heads = reranked_heads(second, given.reordered(plain, given.name), wanted)
    direct = second.run(given.rankings)
    costs = [_unit_cost(s, given, timed, repeats, clock) for s in (first, second)]

    def quality(rankings: Sequence[Ranking]) -> tuple[str, float]:
        measured = evaluate_rankings("", given, rankings, metric)
        ((name, mean),) = measured.means.items()
        return name, mean

    name, alone = quality(direct)
    mean_n = statistics.fmean(len(r) for r in given.rankings)
    points = tuple(
        CostPoint(k, mean_n * costs[0] + min(k, mean_n) * costs[1], quality(heads[k])[1])
        for k in wanted
    )
    return TwoStageCost(
        first.name, second.name, given.name, name, most, costs[0], costs[1], points,
        CostPoint(most, mean_n * costs[1], alone),
    )  # fmt: skip


def _stage(model: System) -> Stage:
    made = as_ranker(model)
    if isinstance(made, FrameworkRetriever):
        raise InvalidInputError(f"{made.name} is a retriever; both passes are stages")
    return made


def _unit_cost(
    stage: Stage, collection: Collection, timed: int, repeats: int, clock: Clock
) -> float:
    some = [r for r in collection.rankings if len(r)][:timed]
    (seconds,) = seconds_each(stage, [some], repeats, clock)
    return sum(seconds) / sum(len(r) for r in some)
