from __future__ import annotations

import math

import pytest

from secondpass import Candidate, InvalidInputError, Ranking, Score
from secondpass.evaluate import Collection, Topic, evaluate, headroom
from secondpass.testing import FakeScorer


def topic(id: str, docs: str, **grades: int) -> Topic:
    return Topic(id, Ranking.of("q" + id, [Candidate(d, d) for d in docs]), grades)


def test_by_hand() -> None:
    # one relevant found last, one missed; and a query whose only relevant one is missed
    c = Collection("c", (topic("1", "xyza", a=1, m=1), topic("2", "xy", m=1)))
    limits = headroom(c)
    both = 1 + 1 / math.log2(3)
    assert limits.recall == pytest.approx((1 / 2 + 0) / 2)
    assert limits.current == pytest.approx((1 / math.log2(5)) / both / 2)
    assert limits.ideal == pytest.approx((1 / both) / 2)
    assert limits.perfect == 1
    assert (limits.lost, limits.queries, limits.depth) == (1, 2, 4)
    assert limits.retriever_is_the_limit()
    assert "hold 25%" in limits.sentence()
    assert "The retriever is the limit" in limits.sentence()
    assert "1 of 2 queries have no relevant candidate" in limits.sentence()


def test_depth_and_metric() -> None:
    c = Collection("c", (topic("1", "xyza", a=1),))
    assert headroom(c, depth=3).recall == 0
    assert headroom(c, depth=4, metric="MRR@10").ideal == 1
    assert headroom(c, metric="P@5").perfect == 0.2
    with pytest.raises(InvalidInputError, match="depth=0"):
        headroom(c, 0)


def test_the_order_is_the_limit_until_it_is_right(plants: Collection) -> None:
    limits = headroom(plants)
    assert "The order is the limit" in limits.sentence()
    assert "Nothing is left to gain" in limits.sentence(limits.ideal)
    for system, closed in ((Score(FakeScorer()), 1), (None, 0)):
        (mean,) = evaluate(system, plants, "nDCG@10").means.values()
        assert limits.gap_closed(mean) == pytest.approx(closed)
    perfect = Collection("c", (topic("1", "a", a=1),))
    assert headroom(perfect).gap_closed(1.0) is None
