from __future__ import annotations

import pytest

from secondpass import InvalidInputError, Score, Top
from secondpass.evaluate import Collection, evaluate, two_stage_cost
from secondpass.testing import FakeScorer


def test_the_arithmetic_with_measured_unit_costs(plants: Collection) -> None:
    cheap = FakeScorer(lambda q, t: float(t.startswith("about")), name="cheap")
    expensive = FakeScorer(name="expensive")

    def clock() -> float:  # 1 s a pair for one, 10 s for the other
        pairs = [sum(map(len, s.calls)) for s in (cheap, expensive)]
        return pairs[0] + 10.0 * pairs[1]

    cost = two_stage_cost(
        Score(cheap), Score(expensive), plants, n=8, ks=(2, 4), timed=2, repeats=1, clock=clock
    )
    assert (cost.cheap_seconds, cost.expensive_seconds) == (1, 10)
    assert [(p.k, p.seconds) for p in cost.points] == [(0, 8), (2, 28), (4, 48)]
    assert cost.alone.seconds == 80
    assert [p.quality for p in cost.points] == [1, 1, 1]
    assert cost.points[0].quality == evaluate(Score(cheap), plants).means["nDCG@10"]
    assert "cheap on 8, expensive on 2       28000.0   1.0000" in str(cost)


def test_the_expensive_stage_sees_what_the_cheap_one_put_on_top(plants: Collection) -> None:
    backwards = FakeScorer(lambda q, t: -float(q in t), name="backwards")
    cost = two_stage_cost(
        Score(backwards), Score(FakeScorer()), plants, n=8, ks=(7, 8), timed=1, repeats=1
    )
    assert cost.points[1].quality < 0.35  # the relevant one is last, and is not seen
    assert cost.points[2].quality == cost.alone.quality == 1


def test_wrong_input(plants: Collection) -> None:
    stage = Score(FakeScorer())
    for ks in ((9,), (-1,)):
        with pytest.raises(InvalidInputError, match="each k lies between 0 and the 8"):
            two_stage_cost(stage, stage, plants, ks=ks)
    with pytest.raises(InvalidInputError, match="must keep all"):
        two_stage_cost(Top(3), stage, plants, ks=(2,))
