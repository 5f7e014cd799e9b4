from __future__ import annotations

import math

import pytest

from secondpass import InvalidInputError, Ranking, Score, ScoreError
from secondpass.testing import FakeScorer, check_scorer

RANKING = Ranking.of("dogs bark", ["cats purr", "dogs bark", "the dogs"])


class Wrong:
    name = "wrong"

    def __init__(self, scores: list[float]) -> None:
        self.scores = scores

    def score(self, pairs: object) -> list[float]:
        return self.scores


def test_it_orders_by_the_scorers_numbers() -> None:
    ranking = Score(FakeScorer())(RANKING)
    assert ranking.ids == ["1", "2", "0"]
    assert ranking.scale == "raw"


@pytest.mark.parametrize("scores", [[], [1.0, 2.0], [1.0] * 4])
def test_fewer_scores_than_candidates_never_drops_one_silently(scores: list[float]) -> None:
    with pytest.raises(ScoreError, match=f"'wrong' returned {len(scores)} scores for 3 pairs"):
        Score(Wrong(scores))(RANKING)


def test_nan_never_ranks_first() -> None:
    with pytest.raises(ScoreError, match="nan"):
        Score(Wrong([1.0, math.nan, 2.0]))(RANKING)


@pytest.mark.parametrize("scorer", [None, "builtin", object(), len])
def test_what_is_no_scorer_is_refused(scorer: object) -> None:
    with pytest.raises(InvalidInputError, match="is no scorer"):
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
