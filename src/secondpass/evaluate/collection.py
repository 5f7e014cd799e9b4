"""Queries, candidates in the first stage's order, and judgements: what systems are evaluated on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import overload

from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError, shown
from secondpass.core.judged import JudgedQuery
from secondpass.core.printing import short_repr
from secondpass.core.ranking import Ranking

Grades = Mapping[str, int]
"""For each judged document its grade; 0 is not relevant, more is better."""
Qrels = Mapping[str, Grades]
"""Grades by query id."""
MOST_GRADE = 1000
"""trec_eval uses memory in proportion to the highest grade; far above this it computes nonsense."""


@short_repr
@dataclass(frozen=True, slots=True)
class Topic:
    """One judged query, which is the sample of every statistic here.

    Attributes:
        id: The query's id.
        ranking: The query and its candidates, in the first stage's order. May be empty: then
            the first stage found nothing, and the query counts as lost.
        grades: Of every judged document, including those that the first stage missed.

    Raises:
        InvalidInputError: No judgement at all, or a grade that is not a whole number or is above
            1000.
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
        """Ids of all relevant documents, whether the first stage found them or not."""
        return frozenset(d for d, grade in self.grades.items() if grade >= relevant_from)

    def judged(self, relevant_from: int = 1) -> JudgedQuery:
        """The same query for calibrators and thresholds, which only see candidates."""
        return JudgedQuery(self.ranking, self.relevant(relevant_from) & set(self.ranking.ids))


@short_repr
@dataclass(frozen=True, slots=True)
class Collection(Sequence[Topic]):
    """Judged queries.

    Attributes:
        name: For tables.
        topics: With unique ids; at least one.
        relevant_from: The lowest grade that binary metrics count as relevant; 2 for the TREC
            deep learning tracks. nDCG uses the grades themselves.
        notes: What was left out or looked odd when the collection was read, as sentences.

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
        """Number of queries without any relevant document.

        They count 0 in every mean, as in trec_eval; `with_relevant` leaves them out.
        """
        return sum(not t.relevant(self.relevant_from) for t in self.topics)

    def judged(self) -> list[JudgedQuery]:
        """The same queries for calibrators and thresholds."""
        return [t.judged(self.relevant_from) for t in self.topics]

    def with_relevant(self) -> Collection:
        """Only the queries that have a relevant document, with a note of how many were left out.

        Raises:
            InvalidInputError: There is none.
        """
        kept = tuple(t for t in self.topics if t.relevant(self.relevant_from))
        omitted = len(self) - len(kept)
        if not omitted:
            return self
        note = f"{omitted} of {len(self)} queries have no relevant document and were left out"
        return replace(self, topics=kept, notes=(*self.notes, note))

    def head(self, queries: int) -> Collection:
        """The first `queries` queries, with a note."""
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
        pairs = zip(self.topics, rankings, strict=True)
        return replace(self, name=name, topics=tuple(replace(t, ranking=r) for t, r in pairs))

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


def build_collection(
    name: str,
    queries: Mapping[str, str],
    qrels: Qrels,
    candidates: Mapping[str, Sequence[Candidate]],
    *,
    relevant_from: int,
    notes: Sequence[str] = (),
    source: str = "retriever",
) -> Collection:
    """Join queries, judgements and candidates by query id; notes count what does not fit.

    A judged query for which nothing was found stays, with no candidates.

    Raises:
        InvalidInputError: No query is left, or none has a relevant document.
    """
    remarks = list(notes)
    unjudged = sum(q not in qrels for q in queries)
    if unjudged:
        remarks.append(f"{unjudged} of {len(queries)} queries have no judgements and were left out")
    textless = [q for q in qrels if q not in queries]
    if textless:
        remarks.append(
            f"{len(textless)} judged queries, such as {textless[0]!r}, have no text and were "
            "left out"
        )
    judged = [q for q in queries if q in qrels]
    empty = sum(not candidates.get(q) for q in judged)
    if empty:
        remarks.append(f"the first stage found nothing for {empty} of {len(judged)} queries")
    topics = tuple(
        Topic(q, Ranking.of(queries[q], candidates.get(q, ()), source=source), qrels[q])
        for q in judged
    )
    if topics and not any(t.relevant(relevant_from) & set(t.ranking.ids) for t in topics):
        remarks.append(
            "no relevant document is among the candidates of any query; check that judgements "
            "and candidates use the same document ids"
        )
    collection = Collection(name, topics, relevant_from, tuple(remarks))
    if collection.without_relevant == len(collection):
        raise InvalidInputError(
            f"no query of {name!r} has a document of grade {relevant_from} or more; check "
            f"relevant_from={relevant_from} and the ids in the judgements"
        )
    return collection
