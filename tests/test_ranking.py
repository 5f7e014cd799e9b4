from __future__ import annotations

import dataclasses
import json
import math
import pickle

import pytest

from secondpass import (
    Candidate,
    InvalidInputError,
    Mark,
    NoScoresError,
    OrderError,
    Ranking,
    ScoreError,
)


def test_texts_are_numbered_and_unscored() -> None:
    ranking = Ranking.of("q", ["a", "b"])
    assert ranking.ids == ["0", "1"]
    assert ranking.scale == "order"
    assert [c.score for c in ranking] == [None, None]


def test_a_retrievers_score_goes_into_the_trail_and_not_into_the_score() -> None:
    ranking = Ranking.of("q", [Candidate("x", "t", score=0.9)])
    assert ranking[0].score is None
    assert ranking[0].trail == (Mark("retriever", 0, 0.9),)


@pytest.mark.parametrize("query", ["", "  \n", None, 3])
def test_an_empty_query_is_refused(query: object) -> None:
    with pytest.raises(InvalidInputError, match="non-empty string"):
        Ranking.of(query, ["a"])  # type: ignore[arg-type]


def test_no_candidates_is_a_legal_ranking() -> None:
    assert len(Ranking.of("q", [])) == 0


@pytest.mark.parametrize("doc", [3, None, b"bytes", {"text": "t"}, ["t"]])
def test_a_document_that_is_no_text_is_named(doc: object) -> None:
    with pytest.raises(InvalidInputError, match="document 1 is"):
        Ranking.of("q", ["fine", doc])  # type: ignore[list-item]


def test_one_string_instead_of_a_list_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="pass a list"):
        Ranking.of("q", "abc")


def test_text_and_id_must_be_strings() -> None:
    with pytest.raises(InvalidInputError, match="text of candidate 'a' must be a string"):
        Candidate("a", 7)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="id must be a string"):
        Candidate(7, "a")  # type: ignore[arg-type]


def test_metadata_must_be_a_dict() -> None:
    with pytest.raises(InvalidInputError, match="metadata of candidate 'a' must be a dict"):
        Candidate("a", "t", None)  # type: ignore[arg-type]


def test_equal_ids_are_refused_by_name() -> None:
    with pytest.raises(InvalidInputError, match="'x'"):
        Ranking.of("q", [Candidate("x", "a"), Candidate("x", "b")])


def test_reading_scores_off_an_order_is_an_error() -> None:
    with pytest.raises(NoScoresError, match="is an order"):
        Ranking.of("q", ["a"]).scores  # noqa: B018


def test_rescoring_sorts_and_ties_keep_their_order() -> None:
    ranking = Ranking.of("q", ["a", "b", "c"]).rescored([1, 2, 1], "raw", by="s")
    assert ranking.ids == ["1", "0", "2"]
    assert ranking.scores == [2.0, 1.0, 1.0]
    assert ranking[0].trail == (Mark("s", 0, 2.0),)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_scores_that_are_not_finite_are_refused(bad: float) -> None:
    with pytest.raises(ScoreError, match="candidate '1'"):
        Ranking.of("q", ["a", "b"]).rescored([1.0, bad], "raw", by="s")


@pytest.mark.parametrize("scores", [[], [1.0], [1.0, 2.0, 3.0]])
def test_the_wrong_number_of_scores_is_refused(scores: list[float]) -> None:
    with pytest.raises(ScoreError, match=f"'s' returned {len(scores)} scores for 2"):
        Ranking.of("q", ["a", "b"]).rescored(scores, "raw", by="s")


def test_no_opinion_makes_an_order_and_invents_nothing() -> None:
    ranking = Ranking.of("q", ["a", "b", "c"]).rescored([None, 5.0, 7.0], "raw", by="s")
    assert ranking.ids == ["2", "1", "0"]
    assert ranking.scale == "order"
    assert [c.trail[-1].score for c in ranking] == [7.0, 5.0, None]
    assert ranking.events[0].kind == "missing"


@pytest.mark.parametrize("order", [[0, 0], [0], [0, 2], [1, -1], [0, 1, 2]])
def test_what_is_no_permutation_is_refused(order: list[int]) -> None:
    with pytest.raises(OrderError, match="not a permutation"):
        Ranking.of("q", ["a", "b"]).reordered(order, by="j")


def test_a_permutation_deletes_scores() -> None:
    scored = Ranking.of("q", ["a", "b"]).rescored([2, 1], "raw", by="s")
    ranking = scored.reordered([1, 0], by="j")
    assert ranking.scale == "order"
    assert [c.score for c in ranking] == [None, None]
    assert [m.stage for m in ranking[0].trail] == ["s", "j"]


def test_scores_must_agree_with_the_order_and_the_scale() -> None:
    a, b = Candidate("a", "", score=0.1), Candidate("b", "", score=0.2)
    with pytest.raises(ScoreError, match="must agree"):
        Ranking("q", (a, b), "raw")
    with pytest.raises(ScoreError, match="probability"):
        Ranking("q", (Candidate("a", "", score=1.5),), "probability")
    with pytest.raises(ScoreError, match="an order has no scores"):
        Ranking("q", (a,), "order")
    with pytest.raises(ScoreError, match="must be finite"):
        Ranking("q", (Candidate("a", ""),), "raw")


def test_scores_are_python_floats_that_serialise() -> None:
    numpy = pytest.importorskip("numpy")
    ranking = Ranking.of("q", ["a", "b"]).rescored(numpy.float32([0.5, 0.25]), "raw", by="s")
    assert {type(s) for s in ranking.scores} == {float}
    json.dumps(dataclasses.asdict(ranking))


def test_it_is_a_frozen_sequence_that_pickles() -> None:
    ranking = Ranking.of("q", ["a", "b"])
    with pytest.raises(dataclasses.FrozenInstanceError):
        ranking.query = "other"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(ranking)) == ranking
    assert [c.text for c in ranking[:1]] == ["a"]
    assert ranking[1] in ranking
