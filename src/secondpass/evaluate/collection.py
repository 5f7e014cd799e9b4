"""What is evaluated on: queries, candidates in the first stage's order, and judgements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import overload

from secondpass.core.errors import InvalidInputError, shown
from secondpass.core.judged import JudgedQuery
from secondpass.core.ranking import Ranking
from secondpass.core.short_repr import short_repr

Grades = Mapping[str, int]
"""For each judged document its grade; 0 is not relevant, more is better."""
Qrels = Mapping[str, Grades]
"""Grades by query id."""
MOST_GRADE = 1000
"""trec_eval takes memory in proportion, and far above it computes nonsense."""


@short_repr
@dataclass(frozen=True, slots=True)
class Topic:
    """One judged query, which is the sample of every statistic here.

    Attributes:
        id: The query's id.
        ranking: The query and its candidates, in the first stage's order. May hold none: then
            the first stage found nothing, and the query counts as lost.
        grades: Of every judged document, also of those that the first stage missed.

    Raises:
        InvalidInputError: No judgement at all, or a grade that is no whole number or above 1000.
    """

    id: str
    ranking: Ranking
    grades: Grades

    def __post_init__(self) -> None:
        if not self.grades:
            raise InvalidInputError(
                f"the query {self.id!r} has no judgements, so nothing can be measured on it; "
                "leave it out"
            )
        for doc, grade in self.grades.items():
            if not isinstance(grade, int):
                raise InvalidInputError(
                    f"query {self.id!r}, document {doc!r}: a grade is a whole number, "
                    f"got {shown(grade)}"
                )
            if grade > MOST_GRADE:  # trec_eval counts each grade up to the highest
                raise InvalidInputError(
                    f"query {self.id!r}, document {doc!r} has the grade {grade}; the highest "
                    f"that can be measured with is {MOST_GRADE}, so use a scale such as 0 to 3"
                )

    def relevant(self, relevant_from: int = 1) -> frozenset[str]:
        """Ids of all relevant documents, found by the first stage or not."""
        return frozenset(d for d, grade in self.grades.items() if grade >= relevant_from)

    def judged(self, relevant_from: int = 1) -> JudgedQuery:
        """The same query for calibrators and thresholds, which see candidates only."""
        return JudgedQuery(self.ranking, self.relevant(relevant_from) & set(self.ranking.ids))


@short_repr
@dataclass(frozen=True, slots=True)
class Collection(Sequence[Topic]):
    """Judged queries.

    Attributes:
        name: For tables.
        topics: With unique ids; at least one.
        relevant_from: The least grade that binary metrics count as relevant; 2 for the TREC deep
            learning tracks. nDCG uses the grades themselves.
        notes: What was left out or looked odd when the collection was read, for people.

    Raises:
        InvalidInputError: No topic, or two with the same id.
    """

    name: str
    topics: tuple[Topic, ...]
    relevant_from: int = 1
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.topics:
            raise InvalidInputError(
                f"the collection {self.name!r} has no judged query"
                + "".join(f"; {note}" for note in self.notes)
            )
        seen: set[str] = set()
        for topic in self.topics:
            if topic.id in seen:
                raise InvalidInputError(f"two queries have the id {topic.id!r}")
            seen.add(topic.id)

    @property
    def qrels(self) -> dict[str, Grades]:
        """Grades by query id, as ir_measures takes them."""
        return {t.id: t.grades for t in self.topics}

    @property
    def rankings(self) -> list[Ranking]:
        """What a stage's `run` takes."""
        return [t.ranking for t in self.topics]

    @property
    def without_relevant(self) -> int:
        """How many queries have no relevant document at all.

        They count 0 in every mean, as in trec_eval; `with_relevant` leaves them out.
        """
        return sum(not t.relevant(self.relevant_from) for t in self.topics)

    def judged(self) -> list[JudgedQuery]:
        """The same queries for calibrators and thresholds."""
        return [t.judged(self.relevant_from) for t in self.topics]

    def with_relevant(self) -> Collection:
        """Only the queries that have a relevant document, with a note of how many went.

        Raises:
            InvalidInputError: There is none.
        """
        kept = tuple(t for t in self.topics if t.relevant(self.relevant_from))
        gone = len(self) - len(kept)
        if not gone:
            return self
        note = f"{gone} of {len(self)} queries have no relevant document and were left out"
        return replace(self, topics=kept, notes=(*self.notes, note))

    def head(self, queries: int) -> Collection:
        """The first so many queries, with a note."""
        if queries >= len(self):
            return self
        note = f"only the first {queries} of {len(self)} queries"
        return replace(self, topics=self.topics[:queries], notes=(*self.notes, note))

    def cut(self, depth: int) -> Collection:
        """At most `depth` candidates of each query."""
        cut = tuple(replace(t, ranking=t.ranking.head(depth)) for t in self.topics)
        return replace(self, topics=cut)

    def reordered(self, rankings: Sequence[Ranking], name: str) -> Collection:
        """The same queries with other candidates, such as another first stage's.

        Args:
            rankings: One per query, in the queries' order.
            name: For tables.
        """
        if len(rankings) != len(self):
            raise InvalidInputError(f"{len(rankings)} rankings for {len(self)} queries")
        made = zip(self.topics, rankings, strict=True)
        return replace(self, name=name, topics=tuple(replace(t, ranking=r) for t, r in made))

    @overload
    def __getitem__(self, index: int) -> Topic: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Topic, ...]: ...
    def __getitem__(self, index: int | slice) -> Topic | tuple[Topic, ...]:
        return self.topics[index]

    def __len__(self) -> int:
        return len(self.topics)

    def __iter__(self) -> Iterator[Topic]:
        return iter(self.topics)
