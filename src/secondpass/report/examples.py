"""Single queries, their first passages before and after side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secondpass.core.candidate import Candidate
from secondpass.core.ranking import Ranking, Scale
from secondpass.core.short_repr import short_repr
from secondpass.evaluate import Evaluation, Topic


@short_repr
@dataclass(frozen=True, slots=True)
class Passage:
    """One candidate on one side.

    Attributes:
        id: The document's.
        text: Its text.
        grade: Its judgement; None if nobody judged it.
        relevant: Whether that grade counts as relevant.
        rank: Its place on this side, 1 is best.
        other: Its place on the other side; None where it is not there.
        score: What the last stage gave; None for an order.
        scale: What that score is.
    """

    id: str
    text: str
    grade: int | None
    relevant: bool
    rank: int
    other: int | None
    score: float | None
    scale: Scale

    @property
    def up(self) -> int | None:
        """Places above where the other side has it, below 0 if lower; None if it has it not."""
        return None if self.other is None else self.other - self.rank


@short_repr
@dataclass(frozen=True, slots=True)
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


def cases(
    baseline: Evaluation, contender: Evaluation, metric: str, most: int, top: int
) -> tuple[tuple[Case, ...], tuple[Case, ...]]:
    """The queries on which a metric rose most, and those on which it fell most.

    Args:
        baseline: On the same collection.
        contender: On the same collection.
        metric: Measured for both.
        most: Queries of each kind at most.
        top: Passages of each side.
    """
    before, after = baseline.of(metric), contender.of(metric)
    gaps = [now - was for was, now in zip(before, after, strict=True)]
    rising = sorted(range(len(gaps)), key=gaps.__getitem__)
    falling = sorted(range(len(gaps)), key=lambda i: -gaps[i])

    def case(i: int) -> Case:
        topic, since = baseline.collection[i], baseline.collection.relevant_from
        old, new = baseline.rankings[i], contender.rankings[i]
        left, right = _side(topic, since, old, new, top), _side(topic, since, new, old, top)
        return Case(topic.id, topic.ranking.query, before[i], after[i], left, right)

    return (
        tuple(case(i) for i in falling[:most] if gaps[i] > 0),
        tuple(case(i) for i in rising[:most] if gaps[i] < 0),
    )


def _side(topic: Topic, since: int, here: Ranking, there: Ranking, top: int) -> tuple[Passage, ...]:
    places = _places(there)

    def passage(rank: int, c: Candidate) -> Passage:
        grade = topic.grades.get(c.id)
        relevant = grade is not None and grade >= since
        return Passage(c.id, c.text, grade, relevant, rank, places.get(c.id), c.score, here.scale)

    return tuple(passage(rank, c) for rank, c in enumerate(here[:top], start=1))


def _places(ranking: Sequence[Candidate]) -> dict[str, int]:
    return {c.id: place for place, c in enumerate(ranking, start=1)}
