from __future__ import annotations

import decimal
import math
from collections.abc import Sequence

import numpy as np
import pytest

from secondpass import Cached, InvalidInputError, Ranking, Score, ScoreError
from secondpass.stages import Note
from secondpass.testing import FakeScorer, check_scorer

RANKING = Ranking.of("dogs bark", ["cats purr", "dogs bark", "the dogs"])


class Wrong:
    name = "wrong"

    def __init__(self, scores: object) -> None:
        self.scores = scores

    def score(self, pairs: object) -> list[float]:
        return self.scores  # type: ignore[return-value]


class WrongNotes(Wrong):
    def score_with_notes(self, pairs: object) -> tuple[list[float], list[Note]]:
        return self.scores  # type: ignore[return-value]


class WrongOpinions:
    name = "wrong"

    def __init__(self, scores: object) -> None:
        self.scores = scores

    def score_candidates(self, query: str, candidates: object) -> list[float | None]:
        return self.scores  # type: ignore[return-value]


def test_it_orders_by_the_scorers_numbers() -> None:
    ranking = Score(FakeScorer())(RANKING)
    assert ranking.ids == ["1", "2", "0"]
    assert ranking.scale == "raw"


@pytest.mark.parametrize("scores", [[], [1.0, 2.0], [1.0] * 4])
def test_fewer_scores_than_candidates_never_drops_one_silently(scores: list[float]) -> None:
    with pytest.raises(ScoreError, match=f"'wrong' returned {len(scores)} scores for 3 pairs"):
        Score(Wrong(scores))(RANKING)


ODD = [
    (None, "returned None for 3"),
    (0.5, "returned float 0.5 for 3"),
    ("0.5", "returned str '0.5' for 3"),
    ({"a": 1.0, "b": 2.0, "c": 3.0}, "returned dict .* for 3"),
    (np.float32(0.5), r"returned an array of shape \(\) for 3"),
    (np.array(0.5), r"returned an array of shape \(\) for 3"),
    (["0.5", "high", "x"], "returned str '0.5' as score 0"),
    ([0.5, [0.5], 1.0], r"returned list \[0.5\] as score 1; it must return one number each"),
    ([0.5, 1.0, 1j], "returned complex 1j as score 2"),
    ([0.5, 1.0, 10**400], "returned int 1000.*[.]{3} as score 2"),
    (np.zeros((3, 1)), r"returned an array of shape \(3, 1\) for 3 .*; it must have shape \(3,\)"),
    (np.zeros((3, 2)), r"returned an array of shape \(3, 2\)"),
    (list(np.zeros((3, 1))), r"returned ndarray array\(\[0.\]\) as score 0"),
]


@pytest.mark.parametrize(("scores", "message"), ODD)
@pytest.mark.parametrize("kind", [Wrong, WrongOpinions])
def test_what_is_no_list_of_numbers_is_named(
    kind: type[Wrong | WrongOpinions], scores: object, message: str
) -> None:
    with pytest.raises(ScoreError, match=f"'wrong' {message}"):
        Score(kind(scores))(RANKING)
    if kind is Wrong:
        with pytest.raises(ScoreError, match=f"'wrong' {message}"):
            Cached(Wrong(scores)).score([("q", text) for text in "abc"])
        with pytest.raises(ScoreError, match=f"'wrong' {message}"):
            Score(WrongNotes((scores, [{}] * 3)))(RANKING)


def test_none_is_no_score_of_a_pair_and_no_opinion_on_a_candidate() -> None:
    with pytest.raises(ScoreError, match="returned None as score 1"):
        Score(Wrong([0.5, None, 1.0]))(RANKING)
    assert [e.kind for e in Score(WrongOpinions([0.5, None, 1.0]))(RANKING).events] == ["missing"]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ([1.0, 2.0, 3.0], r"returned list \[1.0, 2.0, 3.0\] from score_with_notes"),
        (([1.0] * 3, [{}] * 2), "returned 2 notes for 3 pairs"),
        (
            ([1.0] * 3, [{}, "cut", {}]),
            "3 notes for 3 pairs, one of them str 'cut'; a note is a dict",
        ),
        (([1.0] * 3, [{}, None, {}]), "one of them None"),
    ],
)
def test_odd_notes_are_named(result: object, message: str) -> None:
    with pytest.raises(ScoreError, match=message):
        Score(WrongNotes(result))(RANKING)


@pytest.mark.parametrize(
    "scores",
    [
        (1, 3, 2),
        np.array([1, 3, 2], np.float16),
        iter([1.0, 3.0, 2.0]),
        [np.float32(1), np.array(3.0), decimal.Decimal(2)],
    ],
)
def test_numbers_of_every_kind_become_floats(scores: Sequence[float]) -> None:
    ranking = Score(Wrong(scores))(RANKING)
    assert ranking.scores == [3.0, 2.0, 1.0]
    assert {type(score) for score in ranking.scores} == {float}


def test_nan_never_ranks_first() -> None:
    with pytest.raises(ScoreError, match="nan"):
        Score(Wrong([1.0, math.nan, 2.0]))(RANKING)


@pytest.mark.parametrize("scorer", [None, "builtin", object(), len])
def test_what_is_no_scorer_is_refused(scorer: object) -> None:
    with pytest.raises(InvalidInputError, match="is not a scorer"):
        Score(scorer)  # type: ignore[arg-type]


def test_an_empty_ranking_asks_nothing() -> None:
    scorer = FakeScorer()
    assert len(Score(scorer)(Ranking.of("q", []))) == 0
    assert scorer.calls == []


def test_notes_reach_the_trail_and_cuts_become_an_event() -> None:
    class Noted(FakeScorer):
        def score_with_notes(self, pairs):  # type: ignore[no-untyped-def]
            return self.score(pairs), [{"cut_tokens": len(t)} if "b" in t else {} for _, t in pairs]

    ranking = Score(Noted())(RANKING)
    assert [dict(c.trail[-1].note) for c in ranking] == [{"cut_tokens": 9}, {}, {}]
    assert [e.kind for e in ranking.events] == ["truncated"]
    assert "1 of 3" in ranking.events[0].message


def test_the_fake_scorer_keeps_the_laws() -> None:
    check_scorer(FakeScorer())
