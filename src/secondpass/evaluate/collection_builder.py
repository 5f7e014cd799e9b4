"""Queries, judgements and candidates made into a collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError
from secondpass.core.ranking import Ranking
from secondpass.evaluate.collection import Collection, Qrels, Topic


def collected(
    name: str,
    queries: Mapping[str, str],
    qrels: Qrels,
    found: Mapping[str, Sequence[Candidate]],
    *,
    relevant_from: int,
    notes: Sequence[str] = (),
    source: str = "retriever",
) -> Collection:
    """Queries, judgements and candidates joined by query id; what does not fit is counted.

    A judged query for which nothing was found stays, with no candidates.
    """
    told = list(notes)
    unjudged = [q for q in queries if q not in qrels]
    if unjudged:
        told.append(
            f"{len(unjudged)} of {len(queries)} queries have no judgements and were left out"
        )
    textless = [q for q in qrels if q not in queries]
    if textless:
        told.append(
            f"{len(textless)} judged queries, such as {textless[0]!r}, have no text and were "
            "left out"
        )
    asked = [q for q in queries if q in qrels]
    empty = sum(not found.get(q) for q in asked)
    if empty:
        told.append(f"the first stage found nothing for {empty} of {len(asked)} queries")
    topics = tuple(
        Topic(q, Ranking.of(queries[q], found.get(q, ()), source=source), qrels[q]) for q in asked
    )
    reachable = any(
        grade >= relevant_from and doc in ids
        for t in topics
        for ids in [set(t.ranking.ids)]
        for doc, grade in t.grades.items()
    )
    if topics and not reachable:
        told.append(
            "no relevant document is among the candidates of any query; check that judgements "
            "and candidates name documents alike"
        )
    made = Collection(name, topics, relevant_from, tuple(told))
    if made.without_relevant == len(made):
        raise InvalidInputError(
            f"no query of {name!r} has a document of grade {relevant_from} or more; check "
            f"relevant_from={relevant_from} and the ids in the judgements"
        )
    return made
