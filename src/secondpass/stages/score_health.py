"""Looks at scores as they come: are they all equal, saturated, blind to the query, or drifting?"""

from __future__ import annotations

import statistics
import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from secondpass.core.errors import InvalidInputError, ModelError
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage
from secondpass.stages.canaries import CanaryShift, ScoreCanaries

_POINTS = 101
_RECENT = 500
"""Scores that drift is judged by."""
_REMEMBERED = 2_000
"""Texts whose score is remembered, to see whether another query changes it."""


class UnhealthyScoresError(ModelError):
    """`ScoreHealth(refuse=True)` found scores that say nothing, or that have drifted."""


@dataclass(frozen=True, slots=True)
class ScoreSketch:
    """The distribution of a stage's scores, to be compared with later ones.

    Attributes:
        quantiles: At 0, 1, ..., 100 %.
        size: The number of scores that it was made of.
    """

    quantiles: tuple[float, ...]
    size: int

    @classmethod
    def of(cls, rankings: Iterable[Ranking]) -> ScoreSketch:
        """Of scored rankings, such as those that a calibrator was fitted on.

        Raises:
            InvalidInputError: Fewer than 100 scores.
        """
        scores = [score for r in rankings if r.scale != "order" for score in r.scores]
        if len(scores) < 100:
            raise InvalidInputError(
                f"a sketch of {len(scores)} scores says too little; give at least 100"
            )
        inner = statistics.quantiles(scores, n=_POINTS - 1, method="inclusive")
        return cls((min(scores), *inner, max(scores)), len(scores))

    def distance(self, scores: Sequence[float]) -> float:
        """Largest difference of the cumulative distributions (Kolmogorov-Smirnov), 0 to 1."""
        values = sorted(scores)
        own = [self._share_below(value) for value in values]
        above = max((i + 1) / len(values) - share for i, share in enumerate(own))
        below = max(share - i / len(values) for i, share in enumerate(own))
        return max(above, below)

    def _share_below(self, value: float) -> float:
        """The sketch's cumulative distribution, interpolated between its quantiles."""
        first, end = bisect_left(self.quantiles, value), bisect_right(self.quantiles, value)
        whole = len(self.quantiles) - 1
        if first < end:  # one quantile is equal to it, or several are
            return (first + end - 1) / (2 * whole)
        if first in (0, len(self.quantiles)):
            return float(first > 0)
        low, high = self.quantiles[first - 1], self.quantiles[first]
        return (first - 1 + (value - low) / (high - low)) / whole


class ScoreHealth(Stage):
    """Passes rankings on and says, in events of the kind ``unhealthy``, what is wrong with scores.

    * all equal, over candidates with different texts;
    * saturated: many candidates share the best score, as a sigmoid in bfloat16 does at 1.0;
    * blind to the query: texts that came before with other queries have the same scores again;
    * the order as it came, over many queries;
    * drifted: the distribution of the last 500 scores is not that of `sketch`, with the measured
      distance and shift. A provider may have changed the model underneath.

    `check_canaries`, called from time to time, tells a changed model from changed questions.

    What it remembers belongs to this object and is shared by threads; it is not in recipes.

    Args:
        sketch: Of the scores when the pipeline was fitted, see `ScoreSketch.of`; None: no drift.
        refuse: Raise `UnhealthyScoresError` instead, which a `Fallback` around it takes as a
            failure.
        canaries: Pairs with the scores that they had at the fit, see `ScoreCanaries.of`.
    """

    def __init__(
        self,
        sketch: ScoreSketch | None = None,
        *,
        refuse: bool = False,
        canaries: ScoreCanaries | None = None,
    ) -> None:
        self.sketch, self.refuse, self.canaries = sketch, refuse, canaries
        self.name = "ScoreHealth"
        self._memory = _Memory()

    @property
    def origin(self) -> None:
        return None

    def check_canaries(self, stage: Stage) -> CanaryShift:
        """Score the canaries again. If they have shifted, every ranking from now on says so, in an
        event of the kind ``unhealthy`` with the measured shift, until a check finds none.

        Args:
            stage: The one that stands before this one, without a cache.

        Raises:
            InvalidInputError: There are no canaries.
            SecondPassError: What the stage raises; what was known before stays.
        """
        if self.canaries is None:
            raise InvalidInputError(
                "there are no canaries; write ScoreHealth(canaries=ScoreCanaries.of(rankings))"
            )
        shift = self.canaries.scored_again(stage)
        self._memory.changed = str(shift) if shift.changed else ""
        return shift

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        return [self._checked(ranking) for ranking in rankings]

    def _checked(self, ranking: Ranking) -> Ranking:
        if ranking.scale == "order" or len(ranking) == 0:
            return ranking
        problems = list(_problems_of_one(ranking))
        problems += self._memory.problems(ranking, self.sketch)
        if problems and self.refuse:
            raise UnhealthyScoresError(f"the scores say nothing: {'; '.join(problems)}")
        for problem in problems:
            ranking = ranking.with_event(self.name, "unhealthy", problem)
        return ranking


def _problems_of_one(ranking: Ranking) -> Iterator[str]:
    """What one ranking shows by itself."""
    by_text = {candidate.text: candidate.score for candidate in ranking}
    scores = [score for score in by_text.values() if score is not None]
    if len(scores) < 4:
        return
    best = max(scores)
    at_best = sum(score == best for score in scores)
    if at_best == len(scores):
        yield f"all {len(scores)} texts have the score {best:g}"
    elif at_best >= max(4, 0.2 * len(scores)):
        yield f"{at_best} of {len(scores)} texts share the best score, {best:g}: it is saturated"


@dataclass(slots=True)
class _Memory:
    """What was seen of the last queries."""

    recent: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))
    unchanged: deque[bool] = field(default_factory=lambda: deque(maxlen=20))
    texts: OrderedDict[bytes, tuple[str, float]] = field(default_factory=OrderedDict)
    again: deque[bool] = field(default_factory=lambda: deque(maxlen=50))
    changed: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __reduce__(self) -> tuple[type[_Memory], tuple[()]]:
        return type(self), ()  # a copy has seen nothing yet

    def problems(self, ranking: Ranking, sketch: ScoreSketch | None) -> list[str]:
        with self.lock:
            self._learn(ranking)
            return list(self._problems(sketch))

    def _learn(self, ranking: Ranking) -> None:
        self.recent.extend(ranking.scores)
        positions = [c.position for c in ranking if c.position is not None]
        if len(positions) >= 5:
            self.unchanged.append(positions == sorted(positions))
        for candidate in ranking:
            score = float(candidate.score or 0.0)
            key = blake2b(candidate.text.encode("utf-8", "replace"), digest_size=16).digest()
            before = self.texts.get(key)
            if before is not None and before[0] != ranking.query:
                self.again.append(before[1] == score)
            self.texts[key] = (ranking.query, score)
        while len(self.texts) > _REMEMBERED:
            self.texts.popitem(last=False)

    def _problems(self, sketch: ScoreSketch | None) -> Iterator[str]:
        if self.changed:
            yield self.changed
        if len(self.unchanged) == self.unchanged.maxlen and all(self.unchanged):
            yield f"the order of the last {len(self.unchanged)} queries is as it came"
        if len(self.again) >= 10 and all(self.again):
            yield (
                f"the last {len(self.again)} texts that came with several queries have the same "
                "score for all: it does not depend on the query"
            )
        if sketch is not None and len(self.recent) >= 100:
            distance = sketch.distance(self.recent)
            # twice the critical value of the two-sample test at 1 in 1000: scores of one query
            # are not independent, and a warning that comes for nothing is not read
            critical = 2 * 1.95 * (1 / len(self.recent) + 1 / sketch.size) ** 0.5
            if distance > critical:
                shift = statistics.median(self.recent) - sketch.quantiles[_POINTS // 2]
                yield (
                    f"the last {len(self.recent)} scores have drifted: distance {distance:.2f} "
                    f"from the fitted distribution, median shifted by {shift:+.3g}"
                )
