"""Stages that ask judges: nothing lost, budgets kept, calls side by side, and none left running."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondpass import (
    Budget,
    Compare,
    Event,
    InvalidInputError,
    Order,
    OrderError,
    Ranking,
    Rate,
    Recipe,
    ScoreError,
    SlidingWindow,
    Stage,
    TopDown,
)
from secondpass.judge import (
    Algorithm,
    AllPairs,
    Answer,
    CostEstimate,
    CostEvent,
    Heapsort,
    Prices,
    SelfConsistent,
    SetwiseHeapsort,
    SetwiseInsertion,
    SlidingPairs,
    Tournament,
    Usage,
)
from secondpass.stages import ScorerComparer
from secondpass.testing import (
    FakeAsyncJudge,
    FakeComparer,
    FakeJudge,
    FakeScorer,
    check_comparer,
    check_stage,
)


def number(query: str, text: str) -> float:
    return float(text) if text.isdigit() else 0.0


def ranking(n: int, query: str = "q") -> Ranking:
    return Ranking.of(query, [str(i) for i in range(n)])


def stages(judge: Any, **options: Any) -> list[Any]:
    orders: list[Algorithm] = [
        SlidingWindow(4, 2),
        TopDown(4, 2),
        Tournament(4, 1),
        SetwiseHeapsort(3, 3),
        SetwiseInsertion(3, 3),
        SelfConsistent(TopDown(4, 2), 3),
    ]
    pairs: list[Algorithm] = [AllPairs(), AllPairs("bradley-terry"), Heapsort(3), SlidingPairs(3)]
    return [
        *(Order(judge, a, **options) for a in orders),
        *(Compare(judge, a, **options) for a in pairs),
        Rate(judge, **options),
    ]


ALL = range(len(stages(FakeAsyncJudge())))


def events(r: Ranking, kind: str) -> list[Event]:
    return [e for e in r.events if e.kind == kind]


@pytest.mark.parametrize("i", ALL)
def test_the_laws_hold_and_the_best_is_first(i: int) -> None:
    check_stage(stages(FakeAsyncJudge())[i])
    done = stages(FakeAsyncJudge(number))[i](ranking(30))
    assert done[0].text == "29"
    assert all(c.trail[-1].stage == stages(FakeAsyncJudge())[i].name for c in done)


@pytest.mark.parametrize("i", ALL)
def test_none_or_one_cost_nothing_and_equals_keep_their_order(i: int) -> None:
    judge = FakeAsyncJudge(lambda q, t: 1.0)
    stage = stages(judge)[i]
    assert stage(ranking(0)).events == ()
    one = stage(ranking(1))
    if not isinstance(stage, Rate):
        assert judge.calls == []
        assert one.events == ()
        assert stage.plan(1).calls == 0
    same = Ranking.of("q", ["same"] * 9)
    assert stage(same).ids == same.ids


def test_calls_of_windows_comparisons_and_queries_share_the_concurrency() -> None:
    for stage_of, most in (
        (lambda j, c: Order(j, Tournament(4, 1), concurrency=c), 8),
        (lambda j, c: Compare(j, AllPairs(), concurrency=c), 8),
        (lambda j, c: Rate(j, concurrency=c), 8),
        (lambda j, c: Order(j, SlidingWindow(4, 2), concurrency=c), 6),  # six queries
    ):
        for concurrency in (1, 3, 8):
            judge = FakeAsyncJudge(number)
            stage_of(judge, concurrency).run([ranking(32, f"q{i}") for i in range(6)])
            assert judge.most_in_flight == min(concurrency, most)
    judge = FakeAsyncJudge(number)
    Order(judge, Tournament(4, 1), concurrency=5)(ranking(32))
    assert judge.most_in_flight == 5, "the windows of one query too"


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
@pytest.mark.parametrize("i", ALL)
def test_a_budget_ends_with_the_best_order_so_far(i: int, budget: Budget) -> None:
    judge = FakeAsyncJudge(number)
    stage = stages(judge, budget=budget, concurrency=3)[i]
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


@pytest.mark.parametrize("i", ALL)
def test_a_deadline_cancels_what_is_in_flight(i: int, skipping: asyncio.Runner) -> None:
    judge = FakeAsyncJudge(number, latency=30.0)
    stage = stages(judge, budget=Budget(deadline=0.05), concurrency=3)[i]

    async def asked() -> Ranking:
        done = await stage.acall(ranking(40))
        assert len(asyncio.all_tasks()) == 1
        return done

    done = skipping.run(asked())
    assert skipping.get_loop().time() == pytest.approx(0.05)
    assert "deadline of 0.05 seconds" in events(done, "budget")[0].message
    assert done.ids == ranking(40).ids
    assert judge.calls
    assert (judge.in_flight, judge.cancelled) == (0, len(judge.calls))


def test_a_deadline_keeps_the_rounds_that_were_finished(skipping: asyncio.Runner) -> None:
    judge = FakeAsyncJudge(number)
    seen = judge._seen

    async def slower(query: str, texts: Sequence[str]) -> Any:
        judge.latency = 30.0 if len(judge.calls) == 2 else 0.0
        return await seen(query, texts)

    judge._seen = slower  # type: ignore[method-assign]
    stage = Order(judge, SlidingWindow(4, 2), budget=Budget(deadline=0.2))
    done = skipping.run(stage.acall(ranking(12)))
    assert done.ids == ["0", "1", "2", "3", "4", "5", "11", "10", "7", "6", "9", "8"]
    assert len(judge.calls) == 3


@pytest.mark.parametrize("i", ALL)
async def test_cancelling_leaves_nothing_running(i: int) -> None:
    judge = FakeAsyncJudge(number, latency=30.0)
    running = asyncio.ensure_future(stages(judge)[i].arun([ranking(40), ranking(40)]))
    while judge.in_flight < 2:
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert judge.in_flight == 0
    assert judge.cancelled == len(judge.calls)
    assert len(asyncio.all_tasks()) == 1


async def test_one_failure_ends_all_and_is_raised_by_itself() -> None:
    class Refused(Exception):
        pass

    class Fails(FakeAsyncJudge):
        async def aorder(self, query: str, texts: Sequence[str]) -> Answer[Sequence[int]]:
            if query == "bad":
                raise Refused
            return await super().aorder(query, texts)

    judge = Fails(number, latency=30.0)
    with pytest.raises(Refused):
        await Order(judge).arun([ranking(30), ranking(30, "bad"), ranking(30)])
    assert judge.in_flight == 0
    assert len(asyncio.all_tasks()) == 1


async def test_the_judges_own_timeout_is_no_deadline() -> None:
    class Slow(FakeAsyncJudge):
        async def aorder(self, query: str, texts: Sequence[str]) -> Answer[Sequence[int]]:
            raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        await Order(Slow(), budget=Budget(deadline=30)).acall(ranking(3))


def test_equal_events_are_counted() -> None:
    judge = FakeAsyncJudge(number, events=[("repaired", "asked again"), ("shrunk", "a window")])
    done = Order(judge, SlidingWindow(4, 2))(ranking(10))
    assert [e.message for e in done.events[:2]] == ["asked again (4 times)", "a window (4 times)"]
    assert {e.stage for e in done.events} == {Order(judge, SlidingWindow(4, 2)).name}


def test_notes_go_into_the_marks() -> None:
    class Cuts(FakeAsyncJudge):
        async def aorder(self, query: str, texts: Sequence[str]) -> Answer[Sequence[int]]:
            said = await super().aorder(query, texts)
            notes = tuple({"cut_tokens": int(t)} if int(t) % 2 else {} for t in texts)
            return Answer(said.value, said.usage, (), notes)

        async def arate(self, query: str, text: str) -> Answer[float]:
            said = await super().arate(query, text)
            return Answer(said.value, said.usage, (), ({"cut_tokens": int(text)},))

    for c in Order(Cuts(number), SlidingWindow(4, 2))(ranking(10)):
        assert c.trail[-1].note == ({"cut_tokens": int(c.text)} if int(c.text) % 2 else {})
    assert all(c.trail[-1].note for c in Rate(Cuts(number))(ranking(4)))


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


def test_a_sync_judge_is_asked_one_at_a_time_and_has_its_deadline_between_calls(
    skipping: asyncio.Runner,
) -> None:
    loop: Any = skipping.get_loop()

    class Slow(FakeJudge):
        open = most = 0

        def order(self, query: str, texts: Sequence[str]) -> list[int]:
            self.open += 1
            self.most = max(self.most, self.open)
            time.sleep(0.002)  # lets another call begin, if one may
            loop.now += 0.02
            self.open -= 1
            return super().order(query, texts)

    judge = Slow(number)
    skipping.run(Order(judge, Tournament(4, 1)).arun([ranking(16), ranking(16)]))
    assert judge.most == 1
    judge.calls.clear()
    stage = Order(judge, SlidingWindow(4, 2), budget=Budget(deadline=0.05))
    done = skipping.run(stage.acall(ranking(60)))
    assert len(judge.calls) == 3
    assert events(done, "budget")
    assert done.ids != ranking(60).ids


def test_a_batch_of_comparisons_keeps_to_the_calls_that_are_left() -> None:
    comparer = FakeComparer(number)
    done = Compare(comparer, budget=Budget(max_calls=18))(ranking(10))
    assert sum(map(len, comparer.calls)) == 18
    assert done.ids[0] == "9"


async def test_it_works_inside_a_running_loop_sync_and_async() -> None:
    stage = Order(FakeAsyncJudge(number), SlidingWindow(4, 2))
    assert stage(ranking(9)).ids == (await stage.acall(ranking(9))).ids


@pytest.mark.parametrize("i", ALL)
def test_the_same_comes_back_from_a_recipe(i: int) -> None:
    class Kept(FakeAsyncJudge):
        def __init__(self) -> None:
            super().__init__(number, "kept")

    budget = Budget(max_calls=50, max_usd=3.0, deadline=60.0, prices=Prices(1.0, 2.0))
    stage = stages(Kept(), budget=budget, concurrency=3)[i]
    again: Any = Recipe.of_dict(Recipe.of(stage).to_dict()).stage(classes=[Kept])
    assert (again.name, again.algorithm, again.budget, again.concurrency) == (
        stage.name,
        stage.algorithm,
        budget,
        3,
    )
    assert again(ranking(30)) == stage(ranking(30))


def test_the_algorithm_is_in_the_name_so_calibrators_know_it() -> None:
    judge = FakeAsyncJudge()
    assert Order(judge).name == Compare(judge).name == Rate(judge).name == "fake-async-judge"
    assert Compare(judge, AllPairs("bradley-terry")).name != Compare(judge).name
    assert "TopDown" in Order(judge, TopDown()).name


@settings(max_examples=50)
@given(st.lists(st.integers(0, 9), max_size=12), st.floats(-0.4, 0.4))
def test_a_liking_for_the_first_place_cancels_out(values: list[int], bias: float) -> None:
    best = sorted(values, reverse=True)
    for algorithm in (AllPairs(), AllPairs("bradley-terry"), Heapsort(12), SlidingPairs(12)):
        comparer = FakeComparer(number, bias=bias)
        done = Compare(comparer, algorithm)(Ranking.of("q", [str(v) for v in values]))
        assert [int(c.text) for c in done] == best


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


def test_stages_are_values_that_compose() -> None:
    pipeline: Stage = Rate(FakeAsyncJudge(number)) >> Order(FakeAsyncJudge(number))
    assert pipeline(ranking(9)).ids[0] == "8"
