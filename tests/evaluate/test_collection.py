from __future__ import annotations

import pytest

from secondpass import Candidate, InvalidInputError, JudgedQuery, Ranking
from secondpass.evaluate import Collection, Topic


def topic(id: str, docs: str, **grades: int) -> Topic:
    return Topic(id, Ranking.of("q" + id, [Candidate(d, d) for d in docs]), grades)


def test_a_topic_knows_what_is_relevant_found_or_not() -> None:
    t = topic("1", "ab", a=1, b=2, missed=2)
    assert t.relevant() == {"a", "b", "missed"}
    assert t.relevant(2) == {"b", "missed"}
    assert t.judged(2) == JudgedQuery(t.ranking, frozenset({"b"}))


def test_a_topic_needs_judgements_that_are_whole_numbers() -> None:
    with pytest.raises(InvalidInputError, match="no judgements"):
        topic("1", "a")
    with pytest.raises(InvalidInputError, match=r"float 0\.5"):
        topic("1", "a", a=0.5)  # type: ignore[arg-type]


def test_a_collection_is_a_sequence_of_topics() -> None:
    c = Collection("c", (topic("1", "ab", a=1), topic("2", "ab", b=0)))
    assert (len(c), c[1].id, [t.id for t in c], c[:1][0].id) == (2, "2", ["1", "2"], "1")
    assert c.qrels == {"1": {"a": 1}, "2": {"b": 0}}
    assert [len(j.relevant) for j in c.judged()] == [1, 0]
    assert [r.ids for r in c.cut(1).rankings] == [["a"], ["a"]]


def test_what_is_left_out_is_said() -> None:
    c = Collection("c", (topic("1", "ab", a=1), topic("2", "ab", b=0)))
    assert c.without_relevant == 1
    kept = c.with_relevant()
    assert [t.id for t in kept] == ["1"]
    assert kept.notes == ("1 of 2 queries have no relevant document and were left out",)
    assert kept.with_relevant() is kept
    assert c.head(1).notes == ("only the first 1 of 2 queries",)
    assert c.head(2) is c


def test_wrong_collections() -> None:
    one = topic("1", "a", a=0)
    with pytest.raises(InvalidInputError, match="no judged query"):
        Collection("c", ())
    with pytest.raises(InvalidInputError, match="two queries have the id '1'"):
        Collection("c", (one, one))
    with pytest.raises(InvalidInputError, match="no judged query; 1 of 1 queries"):
        Collection("c", (one,)).with_relevant()
    with pytest.raises(InvalidInputError, match="0 rankings for 1"):
        Collection("c", (one,)).reordered([], "x")
