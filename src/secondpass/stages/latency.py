"""How deep to rerank, and with which pipeline, from a budget of time and this machine's speed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from secondpass.core.deadline import checked_seconds, time_left
from secondpass.core.errors import InvalidInputError
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Composite, Stage, StageSteps
from secondpass.core.within import Wrapper
from secondpass.stages.in_time import Pace, cost_of

_SAMPLE = 8
"""Candidates of the run that measures, where no speed is known yet."""


class TopForLatency(Wrapper, Composite):
    """Rerank as many candidates as fit into so many seconds; the rest are gone, as with `Top`.

    The speed of the stage is measured on its own runs, for the lengths of these texts, and the
    next ranking goes by it; the first one by `first_estimate`, or by a short trial run on a few of
    its candidates. An event of the kind ``depth`` says how many were reranked. A deadline around it
    that ends earlier counts instead. It foresees and does not interrupt: for that, `Stage.within`.

    Args:
        stage: What reranks.
        seconds: For one run; rankings that are run together share them evenly.
        first_estimate: Pairs per second, as ``secondpass bench`` gives them for this machine.
        clock: Seconds that only grow.

    Raises:
        InvalidInputError: Seconds or an estimate that are not positive and finite.
    """

    def __init__(
        self,
        stage: Stage,
        seconds: float,
        *,
        first_estimate: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stage, self.seconds = stage, checked_seconds(seconds, "seconds")
        self.first_estimate, self.clock = first_estimate, clock
        if first_estimate is not None and not 0 < first_estimate < math.inf:
            raise InvalidInputError(f"first_estimate={first_estimate!r}: give pairs per second")
        self.name = f"TopForLatency({stage.name}, {self.seconds:g} s)"
        self._pace = Pace()

    def flow(self, rankings: Sequence[Ranking]) -> StageSteps:
        if self._pace.rate is None and any(rankings):
            yield from self._first_speed(rankings)
        left = time_left()
        seconds = self.seconds if left is None else min(self.seconds, left)
        share = seconds / max(1, len(rankings))
        heads = [r.head(self._pace.fitting(_costs(r), share)) for r in rankings]
        results = yield from _timed(self.stage, heads, self._pace, self.clock)
        return [
            result.with_event(
                self.name,
                "depth",
                f"{len(head)} of {len(ranking)} candidates fit into {share:.3g} s and were "
                "reranked; the others were left out",
            )
            if len(head) < len(ranking)
            else result
            for result, head, ranking in zip(results, heads, rankings, strict=True)
        ]

    def _first_speed(self, rankings: Sequence[Ranking]) -> StageSteps:
        longest = max(rankings, key=len)
        costs = _costs(longest)
        if self.first_estimate is not None:
            self._pace.measured(sum(costs), len(costs) / self.first_estimate)
            return []
        return (yield from _timed(self.stage, [longest.head(_SAMPLE)], self._pace, self.clock))


class Affordable(Composite):
    """The first of several pipelines that is expected to end in time; else the last.

    Speeds are measured on their own runs. A pipeline that was never run is tried. An event of the
    kind ``affordable`` says which was taken where it was not the first.

    Args:
        stages: The best first, the fastest last.
        seconds: For one run; None: what is left of the deadline.
        clock: Seconds that only grow.

    Raises:
        InvalidInputError: Fewer than two stages, or seconds that are not positive and finite.
    """

    def __init__(
        self,
        *stages: Stage,
        seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if len(stages) < 2 or not all(isinstance(stage, Stage) for stage in stages):
            raise InvalidInputError("Affordable chooses among stages: Affordable(best, fast)")
        self.stages, self.clock = stages, clock
        self.seconds = None if seconds is None else checked_seconds(seconds, "seconds")
        self.name = f"Affordable({', '.join(stage.name for stage in stages)})"
        self._paces = [Pace() for _ in stages]

    def flow(self, rankings: Sequence[Ranking]) -> StageSteps:
        limits = [limit for limit in (self.seconds, time_left()) if limit is not None]
        seconds = min(limits, default=None)
        cost = sum(sum(_costs(ranking)) for ranking in rankings)
        chosen = len(self.stages) - 1
        for i, pace in enumerate(self._paces):
            if seconds is None or pace.seconds(cost) <= seconds:
                chosen = i
                break
        results = yield from _timed(self.stages[chosen], rankings, self._paces[chosen], self.clock)
        if not chosen:
            return results
        message = f"{self.stages[chosen].name} was taken: the better ones take too long"
        return [result.with_event(self.name, "affordable", message) for result in results]


def _timed(
    stage: Stage, rankings: Sequence[Ranking], pace: Pace, clock: Callable[[], float]
) -> StageSteps:
    began = clock()
    (results,) = yield [(stage, rankings)]
    cost = sum(sum(_costs(ranking)) for ranking in rankings)
    if cost and all(result.status == "complete" for result in results):
        pace.measured(cost, clock() - began)
    return results


def _costs(ranking: Ranking) -> list[int]:
    return [cost_of((ranking.query, candidate.text)) for candidate in ranking]
