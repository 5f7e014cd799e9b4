"""Single queries, with their first passages before and after side by side."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.core.candidate import Scale
from secondpass.core.evidence import Span, cut_at
from secondpass.core.printing import short_repr
from secondpass.core.ranking import Ranking
from secondpass.evaluate import Evaluation, Topic


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One candidate on one side.

    Attributes:
        id: The document's.
        text: Its text.
        evidence: Where in the text it is relevant, most relevant first.
        grade: Its judgement; None if nobody judged it.
        relevant: Whether that grade counts as relevant.
        rank: On this side, 1 is best.
        other_rank: On the other side; None where it is not there.
        score: From the last stage; None for an order.
        scale: Of that score.
    """

    id: str
    text: str
    evidence: tuple[Span, ...] = ()
    grade: int | None
    relevant: bool
    rank: int
    other_rank: int | None
    score: float | None
    scale: Scale

    def pieces(self, start: int = 0, end: int | None = None) -> list[tuple[str, bool]]:
        """``text[start:end]`` in pieces that are evidence or not."""
        return cut_at(self.text, self.evidence, start, len(self.text) if end is None else end)

    @property
    def up(self) -> int | None:
        """Ranks above the other side's, below 0 if lower; None where it is not there."""
        return None if self.other_rank is None else self.other_rank - self.rank


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One query before and after.

    Attributes:
        id: The query's.
        query: Its text.
        before: The metric with the baseline.
        after: The metric with the contender.
        left: The first passages before.
        right: The first passages after.
    """

    id: str
    query: str
    before: float
    after: float
    left: tuple[Passage, ...]
    right: tuple[Passage, ...]


def select_cases(
    baseline: Evaluation, contender: Evaluation, metric: str, *, at_most: int, top: int
) -> tuple[tuple[Case, ...], tuple[Case, ...]]:
    """The queries on which a metric rose most, and those on which it fell most.

    Args:
        baseline: On the same collection.
        contender: On the same collection.
        metric: Measured for both.
        at_most: Number of queries of each kind at most.
        top: Number of passages on each side.
    """
    before, after = baseline.of(metric), contender.of(metric)
    gains = [new - old for old, new in zip(before, after, strict=True)]
    best = sorted(range(len(gains)), key=lambda i: -gains[i])[:at_most]
    worst = sorted(range(len(gains)), key=lambda i: gains[i])[:at_most]
    return (
        tuple(_case(baseline, contender, metric, i, top) for i in best if gains[i] > 0),
        tuple(_case(baseline, contender, metric, i, top) for i in worst if gains[i] < 0),
    )


def _case(baseline: Evaluation, contender: Evaluation, metric: str, index: int, top: int) -> Case:
    topic, relevant_from = baseline.collection[index], baseline.collection.relevant_from
    old, new = baseline.rankings[index], contender.rankings[index]
    return Case(
        id=topic.id,
        query=topic.ranking.query,
        before=baseline.of(metric)[index],
        after=contender.of(metric)[index],
        left=_side(topic, relevant_from, old, new, top),
        right=_side(topic, relevant_from, new, old, top),
    )


def _side(
    topic: Topic, relevant_from: int, here: Ranking, there: Ranking, top: int
) -> tuple[Passage, ...]:
    other_ranks = {c.id: rank for rank, c in enumerate(there, start=1)}
    passages = []
    for rank, c in enumerate(here[:top], start=1):
        grade = topic.grades.get(c.id)
        passages.append(
            Passage(
                id=c.id,
                text=c.text,
                evidence=c.evidence,
                grade=grade,
                relevant=grade is not None and grade >= relevant_from,
                rank=rank,
                other_rank=other_ranks.get(c.id),
                score=c.score,
                scale=here.scale,
            )
        )
    return tuple(passages)
