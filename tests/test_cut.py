from __future__ import annotations

import pytest

from secondpass import InvalidInputError, Order, Ranking, Refine, Score, Top
from secondpass.testing import FakeJudge, FakeScorer, check_stage

RANKING = Ranking.of("dogs bark", ["cats purr", "dogs bark", "the dogs", "nothing"])


def test_top_keeps_scores() -> None:
    ranking = (Score(FakeScorer()) >> Top(2))(RANKING)
    assert ranking.scores == [2.0, 1.0]
    assert len((Score(FakeScorer()) >> Top(9))(RANKING)) == 4
    assert len(Top(0)(RANKING)) == 0


def test_refine_reorders_the_head_and_keeps_the_tail_below() -> None:
    backwards = Order(FakeJudge(lambda q, t: -float(len(t))))
    ranking = (Score(FakeScorer()) >> Refine(backwards, 2))(RANKING)
    assert ranking.ids == ["2", "1", "0", "3"]
    assert ranking.scale == "order"
    assert [m.score for m in ranking[0].trail] == [1.0, None, None]


@pytest.mark.parametrize("k", [-1, 1.5, "3", None, True])
def test_k_must_be_a_whole_number(k: object) -> None:
    with pytest.raises(InvalidInputError, match="whole number"):
        Top(k)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="whole number"):
        Refine(Top(1), k)  # type: ignore[arg-type]


def test_they_keep_the_laws() -> None:
    check_stage(Top(2), cuts=True)
    check_stage(Refine(Score(FakeScorer()), 3))
