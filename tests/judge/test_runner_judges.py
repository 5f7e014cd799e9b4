"""What can be a judge, a comparer or a scorer of ratings, and which answers are refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from secondpass import (
    Budget,
    Compare,
    InvalidInputError,
    Order,
    OrderError,
    Ranking,
    Rate,
    ScoreError,
    SlidingWindow,
)
from secondpass.judge import AllPairs, Answer, Heapsort, Prices, SetwiseHeapsort, SetwiseInsertion
from secondpass.stages import ScorerComparer
from secondpass.testing import FakeAsyncJudge, FakeComparer, FakeJudge, FakeScorer, check_comparer


def number(query: str, text: str) -> float:
    return float(text) if text.isdigit() else 0.0


def ranking(n: int, query: str = "q") -> Ranking:
    return Ranking.of(query, [str(i) for i in range(n)])


def test_any_object_with_one_async_method_will_do() -> None:
    class Picks:
        name = "picks"

        async def abest(self, query: str, texts: Sequence[str]) -> Answer[int]:
            return Answer(max(range(len(texts)), key=lambda i: float(texts[i])))

    assert Order(Picks(), SetwiseHeapsort(3, 3))(ranking(20)).ids[:3] == ["19", "18", "17"]
    with pytest.raises(InvalidInputError, match="does not order them"):
        Order(Picks())


def test_setwise_takes_the_first_of_an_order_where_that_is_all_there_is() -> None:
    class Orders:
        name = "orders"

        async def aorder(self, query: str, texts: Sequence[str]) -> Answer[Sequence[int]]:
            return Answer(sorted(range(len(texts)), key=lambda i: -float(texts[i])))

    for judge in (Orders(), FakeJudge(number)):
        for algorithm in (SetwiseHeapsort(3, 3), SetwiseInsertion(3, 3)):
            assert Order(judge, algorithm)(ranking(20)).ids[:3] == ["19", "18", "17"]


@pytest.mark.parametrize(
    ("method", "value", "make", "error"),
    [
        ("aorder", [0, 0], Order, OrderError),
        ("aorder", [0], Order, OrderError),
        ("abest", 2, lambda j: Order(j, SetwiseHeapsort()), OrderError),
        ("abest", -1, lambda j: Order(j, SetwiseInsertion()), OrderError),
        ("acompare", 1.5, Compare, ScoreError),
        ("acompare", float("nan"), lambda j: Compare(j, Heapsort()), ScoreError),
        ("arate", float("nan"), Rate, ScoreError),
        ("arate", float("inf"), Rate, ScoreError),
    ],
)
def test_a_broken_promise_is_an_error(method: str, value: Any, make: Any, error: Any) -> None:
    judge = FakeAsyncJudge()

    async def wrong(*_: Any) -> Answer[Any]:
        return Answer(value)

    setattr(judge, method, wrong)
    with pytest.raises(error, match="fake-async-judge"):
        make(judge)(ranking(2))


def test_a_scorer_can_be_a_comparer() -> None:
    scorer = FakeScorer(number)
    comparer = ScorerComparer(scorer)
    check_comparer(ScorerComparer(FakeScorer()))
    scorer.calls.clear()
    done = Compare(comparer, AllPairs("bradley-terry"))(ranking(6))
    assert done.ids == ["5", "4", "3", "2", "1", "0"]
    assert done.scores[0] - done.scores[-1] == pytest.approx(5, rel=0.05)
    assert [len(pairs) for pairs in scorer.calls] == [6], "each text is scored once"
    assert comparer.compare("q", [("1000", "-1000"), ("-1000", "1000")]) == [1.0, 0.0]
    with pytest.raises(InvalidInputError):
        ScorerComparer(object())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Order(object()),  # type: ignore[arg-type]
        lambda: Order(FakeJudge(), 20),  # type: ignore[arg-type]
        lambda: Order(FakeJudge(), AllPairs()),
        lambda: Order(FakeComparer()),  # type: ignore[arg-type]
        lambda: Order(FakeAsyncJudge(), concurrency=0),
        lambda: Order(FakeAsyncJudge(), budget=5),  # type: ignore[arg-type]
        lambda: Order(FakeJudge(), budget=Budget(max_tokens=5)),
        lambda: Compare(FakeComparer(), budget=Budget(max_usd=5, prices=Prices(1, 1))),
        lambda: Compare(object()),  # type: ignore[arg-type]
        lambda: Compare(FakeComparer(), SlidingWindow()),
        lambda: Rate(FakeScorer()),  # type: ignore[arg-type]
        lambda: Budget(max_calls=-1),
        lambda: Budget(deadline=float("nan")),
        lambda: Budget(max_usd=1.0),
        lambda: Prices(-1.0, 0.0),
    ],
)
def test_what_does_not_fit_is_refused_when_it_is_made(make: Any) -> None:
    with pytest.raises(InvalidInputError):
        make()
