"""The threshold slider's data: scores with labels, from which the page counts what is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from secondpass.calibrate import JudgedQuery
from secondpass.core.printing import short_repr
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage
from secondpass.stages.cut import measure_tokens
from secondpass.stages.threshold import Threshold
from secondpass.thresholds import BestF, ThresholdEvidence, choose_threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledQuery:
    """One query, candidates best first.

    Attributes:
        scores: Of the candidates.
        labels: Whether each is relevant.
        tokens: Of each, estimated.
        relevant: Number of relevant candidates before the pipeline ran.
    """

    scores: tuple[float, ...]
    labels: tuple[bool, ...]
    tokens: tuple[int, ...]
    relevant: int


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledScores:
    """What the threshold slider runs on.

    Attributes:
        scale: Of the scores.
        start: The threshold with the best F1, as the shortest number that keeps the same.
        evidence: For that choice: what it does here, and what to expect on new queries.
        queries: In the collection's order.
    """

    scale: Literal["probability", "raw"]
    start: float
    evidence: ThresholdEvidence
    queries: tuple[LabelledQuery, ...]

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and highest value of the slider."""
        if self.scale == "probability":
            return 0.0, 1.0
        every = [s for q in self.queries for s in q.scores]
        low, high = min(every), max(every)
        return (low, high) if low < high else (low - 1, high + 1)

    def data(self) -> dict[str, Any]:
        """Plain JSON values for the page's script: no texts, no ids."""
        low, high = self.ends
        return {
            "scale": self.scale,
            "start": self.start,
            "low": low,
            "high": high,
            "queries": [
                [q.relevant, q.scores, "".join(str(int(y)) for y in q.labels), q.tokens]
                for q in self.queries
            ],
        }


def labelled_scores(stage: Stage, judged: Iterable[JudgedQuery]) -> LabelledScores:
    """Run labelled queries through a stage and find the threshold with the best F1.

    Raises:
        SecondPassError: What `choose_threshold` may raise: an order, or nothing relevant.
    """
    judged = list(judged)
    choice = choose_threshold(stage, judged, BestF())
    threshold = choice.pipeline[-1]
    assert isinstance(threshold, Threshold)
    rankings = stage.run([j.ranking for j in judged])
    queries = tuple(_query(r, j.relevant) for r, j in zip(rankings, judged, strict=True))
    return LabelledScores(
        scale=threshold.scale,
        start=shorten(threshold.at_least, [s for q in queries for s in q.scores]),
        evidence=choice.evidence,
        queries=queries,
    )


def shorten(threshold: float, scores: Iterable[float]) -> float:
    """The shortest decimal that keeps the same of these scores."""
    every = list(scores)
    below = max((s for s in every if s < threshold), default=None)
    above = min((s for s in every if s >= threshold), default=None)
    for digits in range(2, 17):
        short = float(f"{threshold:.{digits}g}")
        if (below is None or below < short) and (above is None or short <= above):
            return short
    return threshold


def _query(ranking: Ranking, relevant: frozenset[str]) -> LabelledQuery:
    return LabelledQuery(
        scores=tuple(ranking.scores) if len(ranking) else (),
        labels=tuple(c.id in relevant for c in ranking),
        tokens=tuple(measure_tokens(c.text, None) for c in ranking),
        relevant=len(relevant),
    )
