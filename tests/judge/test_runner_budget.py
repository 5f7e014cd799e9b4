"""What judging costs: the plan is what happens, budgets are kept, and the result is still good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import pytest

from secondpass import (
    Budget,
    Compare,
    Event,
    InvalidInputError,
    Order,
    Ranking,
    Rate,
    SlidingWindow,
    TopDown,
)
from secondpass.judge import Algorithm, Answer, CostEstimate, CostEvent, Prices, Tournament, Usage
from secondpass.testing import FakeAsyncJudge, FakeComparer, check_stage

MakeStage = Callable[..., Any]


def number(query: str, text: str) -> float:
    return float(text) if text.isdigit() else 0.0


def ranking(n: int, query: str = "q") -> Ranking:
    return Ranking.of(query, [str(i) for i in range(n)])


def events(r: Ranking, kind: str) -> list[Event]:
    return [e for e in r.events if e.kind == kind]


@pytest.mark.parametrize(
    "algorithm", [SlidingWindow(), SlidingWindow(5, 3), Tournament(), TopDown()]
)
@pytest.mark.parametrize("n", [0, 1, 2, 19, 20, 21, 60, 100])
def test_the_plan_is_what_happens(algorithm: Algorithm, n: int) -> None:
    judge = FakeAsyncJudge(lambda q, t: float(int(t) * 37 % 100))
    stage = Order(judge, algorithm)
    plan, done = stage.plan(n), stage(ranking(n))
    cost = [e.cost for e in done.events if isinstance(e, CostEvent)]
    actual = (cost[0].calls, cost[0].rounds) if cost else (0, 0)
    assert actual == (plan.calls, plan.rounds)
    assert len(judge.calls) == plan.calls


def test_the_plan_of_duels_and_ratings_is_what_happens() -> None:
    for stage in (Compare(FakeAsyncJudge(number)), Rate(FakeAsyncJudge(number))):
        plan = stage.plan(12)
        (cost,) = [e.cost for e in stage(ranking(12)).events if isinstance(e, CostEvent)]
        assert (cost.calls, cost.rounds) == (plan.calls, plan.rounds)
    sync = FakeComparer(number)
    (cost,) = [e.cost for e in Compare(sync)(ranking(12)).events if isinstance(e, CostEvent)]
    assert (cost.calls, cost.rounds) == (132, 1)
    assert len(sync.calls) == 1, "a batch for each round"


def test_a_plan_counts_tokens_and_money_and_can_be_read() -> None:
    stage = Order(FakeAsyncJudge())
    cheap, dear = stage.plan(100, 50), stage.plan(100, 100, Prices(1.0, 4.0))
    assert dear.prompt_tokens - cheap.prompt_tokens == 9 * 20 * 50
    assert cheap.usd is None
    assert dear.usd == pytest.approx((dear.prompt_tokens + 4 * dear.completion_tokens) / 1e6)
    assert str(cheap).startswith("9 calls in 9 rounds, ")
    assert "USD" in str(dear)
    priced = Order(FakeAsyncJudge(), budget=Budget(prices=Prices(1.0, 4.0)))
    assert priced.plan(100, 100) == dear
    for bad in ((-1, 10.0), (10, -1.0)):
        with pytest.raises(InvalidInputError):
            stage.plan(*bad)


def test_the_cost_event_has_the_actual_figures() -> None:
    judge = FakeAsyncJudge(number)
    stage = Order(judge, SlidingWindow(4, 2), budget=Budget(prices=Prices(1e6, 0)))
    (event,) = stage(ranking(10)).events
    assert isinstance(event, CostEvent)
    assert asdict(event.cost) == asdict(CostEstimate(4, 4, 4 * 5, 4 * 4, 20.0))
    assert event.message == "4 calls in 4 rounds, 20 prompt and 16 completion tokens, 20 USD"


LIMITS = [
    Budget(max_calls=0),
    Budget(max_calls=1),
    Budget(max_calls=3),
    Budget(max_tokens=400),
    Budget(max_usd=0.0004, prices=Prices(1, 1)),
    Budget(deadline=0.0),
]


@pytest.mark.parametrize("budget", LIMITS)
def test_a_budget_ends_with_the_best_order_so_far(make_stage: MakeStage, budget: Budget) -> None:
    judge = FakeAsyncJudge(number)
    stage = make_stage(judge, budget=budget, concurrency=3)
    check_stage(stage)
    judge.calls.clear()
    done = stage(ranking(40))
    assert sorted(done.ids) == sorted(ranking(40).ids)
    (told,) = events(done, "budget")
    assert "best order so far" in told.message
    (cost,) = [e.cost for e in done.events if isinstance(e, CostEvent)] or [
        CostEstimate(0, 0, 0, 0)
    ]
    if budget.max_calls is not None:
        assert cost.calls == len(judge.calls) <= budget.max_calls
    assert cost.prompt_tokens + cost.completion_tokens <= 400
    assert done.scale == "order"
    if not judge.calls:
        assert done.ids == ranking(40).ids


def test_what_is_known_when_it_ends_is_used() -> None:
    judge = FakeAsyncJudge(number)
    one = Order(judge, SlidingWindow(4, 2), budget=Budget(max_calls=1))(ranking(10))
    assert one.ids == ["0", "1", "2", "3", "4", "5", "9", "8", "7", "6"]
    half = Compare(judge, budget=Budget(max_calls=18))(ranking(10))  # neighbours, both orders
    assert half.ids[0] == "9"
    assert half.ids[-1] == "0"
    some = Rate(judge, budget=Budget(max_calls=3))(ranking(6))
    assert some.ids == ["2", "1", "0", "3", "4", "5"]
    assert events(some, "missing")


def test_a_round_that_cannot_be_finished_is_not_paid_for() -> None:
    judge = FakeAsyncJudge(number)
    done = Order(judge, TopDown(), budget=Budget(max_calls=4))(ranking(100))
    assert len(judge.calls) == 1
    assert done.ids[:2] == ["19", "18"]


def test_a_budget_that_is_just_enough_says_nothing() -> None:
    done = Order(FakeAsyncJudge(number), budget=Budget(max_calls=9))(ranking(100))
    assert not events(done, "budget")


def test_a_budget_is_for_each_ranking() -> None:
    judge = FakeAsyncJudge(number)
    stage = Order(judge, SlidingWindow(4, 2), budget=Budget(max_calls=2))
    stage.run([ranking(20, f"q{i}") for i in range(5)])
    assert len(judge.calls) == 10


def test_an_answer_without_usage_counts_as_a_call() -> None:
    class Silent:
        name = "silent"

        async def aorder(self, query: str, texts: Sequence[str]) -> Answer[Sequence[int]]:
            return Answer(range(len(texts)))

    done = Order(Silent(), SlidingWindow(4, 2), budget=Budget(max_calls=2))(ranking(10))
    assert "after 2 calls" in events(done, "budget")[0].message


def test_repairs_count() -> None:
    class Repairs(FakeAsyncJudge):
        async def aorder(self, query: str, texts: Sequence[str]) -> Answer[Sequence[int]]:
            said = await super().aorder(query, texts)
            return Answer(said.value, said.usage + Usage(1, 5, 5))

    judge = Repairs(number)
    Order(judge, SlidingWindow(4, 2), budget=Budget(max_calls=4))(ranking(20))
    assert len(judge.calls) == 2


def test_a_batch_of_comparisons_keeps_to_the_calls_that_are_left() -> None:
    comparer = FakeComparer(number)
    done = Compare(comparer, budget=Budget(max_calls=18))(ranking(10))
    assert sum(map(len, comparer.calls)) == 18
    assert done.ids[0] == "9"
