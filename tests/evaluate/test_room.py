from __future__ import annotations

import math

import pytest

from secondpass import Candidate, InvalidInputError, Ranking, Score
from secondpass.evaluate import Collection, Topic, evaluate, headroom
from secondpass.evaluate.headroom import closed_by
from secondpass.testing import FakeScorer


def topic(id: str, docs: str, **grades: int) -> Topic:
    return Topic(id, Ranking.of("q" + id, [Candidate(d, d) for d in docs]), grades)


def test_by_hand() -> None:
    # one relevant found last, one missed; and a query whose only relevant one is missed
    c = Collection("c", (topic("1", "xyza", a=1, m=1), topic("2", "xy", m=1)))
    room = headroom(c)
    both = 1 + 1 / math.log2(3)
    assert room.recall == pytest.approx((1 / 2 + 0) / 2)
    assert room.current == pytest.approx((1 / math.log2(5)) / both / 2)
    assert room.ideal == pytest.approx((1 / both) / 2)
    assert room.perfect == 1
    assert (room.lost, room.queries, room.depth) == (1, 2, 4)
    assert room.retriever_is_the_limit()
    assert "hold 25%" in room.sentence()
    assert "The retriever is the limit" in room.sentence()
    assert "1 of 2 queries have no relevant candidate" in room.sentence()


def test_depth_and_metric() -> None:
    c = Collection("c", (topic("1", "xyza", a=1),))
    assert headroom(c, depth=3).recall == 0
    assert headroom(c, depth=4, metric="MRR@10").ideal == 1
    assert headroom(c, metric="P@5").perfect == 0.2
    with pytest.raises(InvalidInputError, match="depth=0"):
        headroom(c, 0)


def test_the_order_is_the_limit_until_it_is_right(plants: Collection) -> None:
    room = headroom(plants)
    assert "The order is the limit" in room.sentence()
    assert "Nothing is left to gain" in room.sentence(room.ideal)
    assert closed_by(evaluate(Score(FakeScorer()), plants), room) == pytest.approx(1)
    assert closed_by(evaluate(None, plants), room) == 0
    perfect = Collection("c", (topic("1", "a", a=1),))
    assert headroom(perfect).closed(1.0) is None
