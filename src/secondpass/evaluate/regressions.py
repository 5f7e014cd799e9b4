"""The queries on which a contender lost most against the baseline, and what moved in them."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.core.candidate import Candidate
from secondpass.core.printing import short_repr
from secondpass.evaluate._evaluate import Evaluation
from secondpass.evaluate.collection import Topic

_SHOWN = 3
"""Number of documents shown of each kind."""


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class RankChange:
    """One document whose rank changed.

    Attributes:
        id: The document's.
        text: Its text.
        grade: Its judgement; None if nobody judged it.
        before: Its rank with the baseline, 1 is best; None where the baseline does not have it.
        after: Its rank with the contender; None where the contender cut or did not find it.
    """

    id: str
    text: str
    grade: int | None
    before: int | None
    after: int | None

    def __str__(self) -> str:
        grade = "not judged" if self.grade is None else f"grade {self.grade}"
        line = " ".join(self.text.split())
        short = line if len(line) <= 90 else line[:89] + "…"
        return f"{_rank(self.before)} to {_rank(self.after)}, {grade}, {self.id}: {short}"


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """A query on which the contender is worse than the baseline.

    Attributes:
        id: The query's id.
        query: Its text.
        metric: What fell.
        before: The baseline's value.
        after: The contender's value.
        fell: Relevant documents that lost ranks, the baseline's best first.
        rose: Documents not known to be relevant that gained ranks, the contender's best first.
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
        changes = [f"  fell  {c}" for c in self.fell] + [f"  rose  {c}" for c in self.rose]
        return "\n".join([head, *changes])


def worst_regressions(
    baseline: Evaluation, contender: Evaluation, metric: str, at_most: int = 5
) -> tuple[Regression, ...]:
    """The queries on which `metric` fell most, worst first.

    Args:
        baseline: On the same collection.
        contender: On the same collection.
        metric: Measured for both.
        at_most: Number of queries at most.
    """
    before, after = baseline.of(metric), contender.of(metric)
    indices = sorted(range(len(before)), key=lambda i: after[i] - before[i])[:at_most]
    return tuple(
        _regression(baseline, contender, metric, i) for i in indices if after[i] < before[i]
    )


def _regression(baseline: Evaluation, contender: Evaluation, metric: str, index: int) -> Regression:
    topic = baseline.collection[index]
    relevant = topic.relevant(baseline.collection.relevant_from)
    old, new = baseline.rankings[index], contender.rankings[index]
    before = {id: rank for rank, id in enumerate(old.ids, start=1)}
    after = {id: rank for rank, id in enumerate(new.ids, start=1)}
    absent = len(before) + len(after) + 1
    fell = [c for c in old if c.id in relevant and after.get(c.id, absent) > before[c.id]]
    rose = [c for c in new if c.id not in relevant and after[c.id] < before.get(c.id, absent)]
    return Regression(
        id=topic.id,
        query=topic.ranking.query,
        metric=metric,
        before=baseline.of(metric)[index],
        after=contender.of(metric)[index],
        fell=tuple(_change(c, topic, before, after) for c in fell[:_SHOWN]),
        rose=tuple(_change(c, topic, before, after) for c in rose[:_SHOWN]),
    )


def _change(
    c: Candidate, topic: Topic, before: dict[str, int], after: dict[str, int]
) -> RankChange:
    return RankChange(
        id=c.id,
        text=c.text,
        grade=topic.grades.get(c.id),
        before=before.get(c.id),
        after=after.get(c.id),
    )


def _rank(rank: int | None) -> str:
    return "nowhere" if rank is None else f"rank {rank}"
