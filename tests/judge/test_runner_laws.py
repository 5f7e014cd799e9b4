"""Stages that ask judges keep the laws, come back from recipes, and pass on notes and events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from secondpass import Budget, Compare, Order, Ranking, Rate, Recipe, SlidingWindow, Stage, TopDown
from secondpass.judge import AllPairs, Answer, Heapsort, Prices, SlidingPairs
from secondpass.testing import FakeAsyncJudge, FakeComparer, check_stage

MakeStage = Callable[..., Any]


def number(query: str, text: str) -> float:
    return float(text) if text.isdigit() else 0.0


def ranking(n: int, query: str = "q") -> Ranking:
    return Ranking.of(query, [str(i) for i in range(n)])


def test_the_laws_hold_and_the_best_is_first(make_stage: MakeStage) -> None:
    check_stage(make_stage(FakeAsyncJudge()))
    done = make_stage(FakeAsyncJudge(number))(ranking(30))
    assert done[0].text == "29"
    assert all(c.trail[-1].stage == make_stage(FakeAsyncJudge()).name for c in done)


def test_none_or_one_cost_nothing_and_equals_keep_their_order(make_stage: MakeStage) -> None:
    judge = FakeAsyncJudge(lambda q, t: 1.0)
    stage = make_stage(judge)
    assert stage(ranking(0)).events == ()
    one = stage(ranking(1))
    calls = 1 if isinstance(stage, Rate) else 0  # a rating is of use even for a single text
    assert len(judge.calls) == stage.plan(1).calls == calls
    assert [event.kind for event in one.events] == ["cost"] * calls
    same = Ranking.of("q", ["same"] * 9)
    assert stage(same).ids == same.ids


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


def test_the_same_comes_back_from_a_recipe(make_stage: MakeStage) -> None:
    class Kept(FakeAsyncJudge):
        def __init__(self) -> None:
            super().__init__(number, "kept")

    budget = Budget(max_calls=50, max_usd=3.0, deadline=60.0, prices=Prices(1.0, 2.0))
    stage = make_stage(Kept(), budget=budget, concurrency=3)
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


def test_stages_are_values_that_compose() -> None:
    pipeline: Stage = Rate(FakeAsyncJudge(number)) >> Order(FakeAsyncJudge(number))
    assert pipeline(ranking(9)).ids[0] == "8"
