"""The queries that a contender hurt most, and what moved in them."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.core.candidate import Candidate
from secondpass.core.ranking import Ranking
from secondpass.core.short_repr import short_repr
from secondpass.evaluate.collection import Topic
from secondpass.evaluate.evaluation import Evaluation

_SHOWN = 3
"""Documents shown of each kind."""


@short_repr
@dataclass(frozen=True, slots=True)
class RankChange:
    """One document that changed places.

    Attributes:
        id: The document's.
        text: Its text.
        grade: Its judgement; None if nobody judged it.
        was: Its rank before, 1 is best; None where the baseline does not have it.
        now: Its rank now; None where the contender cut it, or did not find it.
    """

    id: str
    text: str
    grade: int | None
    was: int | None
    now: int | None

    def __str__(self) -> str:
        grade = "not judged" if self.grade is None else f"grade {self.grade}"
        line = " ".join(self.text.split())
        short = line if len(line) <= 90 else line[:89] + "…"
        return f"{_rank(self.was)} to {_rank(self.now)}, {grade}, {self.id}: {short}"


@short_repr
@dataclass(frozen=True, slots=True)
class Regression:
    """A query on which the contender is worse than the baseline.

    Attributes:
        id: The query's id.
        query: Its text.
        metric: What fell.
        before: The baseline's value.
        after: The contender's value.
        fell: Relevant documents that lost ground, the best placed before first.
        rose: Documents that are not known to be relevant and gained ground, best placed first.
    """

    id: str
    query: str
    metric: str
    before: float
    after: float
    fell: tuple[RankChange, ...]
    rose: tuple[RankChange, ...]

    def __str__(self) -> str:
        head = f"{self.query!r} ({self.id}): {self.metric} {self.before:.3f} to {self.after:.3f}"
        moved = [f"  fell  {m}" for m in self.fell] + [f"  rose  {m}" for m in self.rose]
        return "\n".join([head, *moved])


def worst_regressions(
    baseline: Evaluation, contender: Evaluation, metric: str, most: int = 5
) -> tuple[Regression, ...]:
    """The queries on which `metric` fell most, worst first.

    Args:
        baseline: On the same collection.
        contender: On the same collection.
        metric: Measured for both.
        most: Queries at most.
    """
    before, after = baseline.of(metric), contender.of(metric)
    places = sorted(range(len(before)), key=lambda i: after[i] - before[i])[:most]
    since = baseline.collection.relevant_from
    worst = [i for i in places if after[i] < before[i]]
    return tuple(
        Regression(
            baseline.collection[i].id,
            baseline.collection[i].ranking.query,
            metric,
            before[i],
            after[i],
            *_moves(baseline.collection[i], since, baseline.rankings[i], contender.rankings[i]),
        )
        for i in worst
    )


def _moves(
    topic: Topic, since: int, old: Ranking, new: Ranking
) -> tuple[tuple[RankChange, ...], tuple[RankChange, ...]]:
    was = {id: rank for rank, id in enumerate(old.ids, start=1)}
    now = {id: rank for rank, id in enumerate(new.ids, start=1)}
    far = len(was) + len(now) + 1

    def move(c: Candidate) -> RankChange:
        return RankChange(c.id, c.text, topic.grades.get(c.id), was.get(c.id), now.get(c.id))

    relevant = topic.relevant(since)
    fell = [move(c) for c in old if c.id in relevant and now.get(c.id, far) > was[c.id]]
    rose = [move(c) for c in new if c.id not in relevant and now[c.id] < was.get(c.id, far)]
    return tuple(fell[:_SHOWN]), tuple(rose[:_SHOWN])


def _rank(rank: int | None) -> str:
    return "nowhere" if rank is None else f"rank {rank}"
