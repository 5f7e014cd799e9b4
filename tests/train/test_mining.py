from __future__ import annotations

from collections.abc import Sequence

import pytest

from secondpass import InvalidInputError
from secondpass.train import QueryPairs, mine_negatives, without_false_negatives

PAIRS = [
    QueryPairs("red apples", ("apples that are red",), ("red paint",)),
    QueryPairs("green apples", ("apples that are green",)),
    QueryPairs("grey stones", ("stones that are grey",)),
]


class Length:
    """Longer texts score higher."""

    name = "length"

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [float(len(text)) for _, text in pairs]


def _texts(judged: object) -> list[set[str]]:
    return [{c.text for c in j.ranking} for j in judged]  # type: ignore[attr-defined]


def test_bm25_finds_what_shares_words_and_is_no_positive() -> None:
    pytest.importorskip("bm25s")
    red, green, grey = mine_negatives(PAIRS)
    assert {c.text for c in red.ranking} == {
        "apples that are red", "apples that are green", "red paint",
    }  # fmt: skip
    assert [c.text for c in red.ranking if c.id in red.relevant] == ["apples that are red"]
    assert len(green.ranking) == 2
    assert len(grey.ranking) == 1


def test_a_run_or_a_retriever_of_ones_own() -> None:
    run = {p.query: ["n1", p.positives[0], "n2", "n3"] for p in PAIRS}
    for source in (run, lambda query, k: run[query][:k]):
        found = mine_negatives(PAIRS[1:2], source, per_query=2, skip_top=1)
        assert _texts(found) == [{"apples that are green", "n2", "n3"}]


def test_the_order_of_a_list_says_nothing() -> None:
    many = [QueryPairs(f"q{i}", ("yes",)) for i in range(40)]
    found = mine_negatives(many, lambda query, k: ["no"])
    assert 5 < sum(j.ranking[0].id in j.relevant for j in found) < 35


def test_what_scores_above_the_positive_is_probably_an_answer() -> None:
    judged = mine_negatives([QueryPairs("q", ("12345",))], lambda q, k: ["1234", "123456"])
    (kept,) = without_false_negatives(judged, Length())
    assert {c.text for c in kept.ranking} == {"12345", "1234"}
    (fewer,) = without_false_negatives(judged, Length(), margin=2)
    assert [c.text for c in fewer.ranking] == ["12345"]
    with pytest.raises(InvalidInputError, match="no negative was found"):
        mine_negatives([QueryPairs("q", ("12345",))], lambda q, k: ["1234567"], scorer=Length())


def test_bad_input_is_named() -> None:
    with pytest.raises(InvalidInputError, match="no pairs"):
        mine_negatives([])
    with pytest.raises(InvalidInputError, match="the run lacks 2 of 3 queries"):
        mine_negatives(PAIRS, {"red apples": []})
    with pytest.raises(InvalidInputError, match="per_query=0"):
        mine_negatives(PAIRS, per_query=0)
    with pytest.raises(InvalidInputError, match="source='tfidf'"):
        mine_negatives(PAIRS, "tfidf")  # type: ignore[arg-type]
