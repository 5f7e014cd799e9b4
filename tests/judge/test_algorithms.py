"""Every algorithm that orders: a permutation whatever the judge says, and right if the judge is."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import ceil
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondpass import InvalidInputError, SlidingWindow, TopDown
from secondpass.judge import (
    Algorithm,
    AllPairs,
    Heapsort,
    SelfConsistent,
    SetwiseHeapsort,
    SetwiseInsertion,
    SlidingPairs,
    Tournament,
    Verdict,
)
from secondpass.judge.algorithms.protocol import QuestionIndices, QuestionKind, Round

Reply = Callable[[QuestionKind, QuestionIndices], Any]


def answered(algorithm: Algorithm, n: int, reply: Reply) -> tuple[Verdict, list[Round]]:
    """Run a flow by hand, and check every round on the way."""
    flow, rounds = algorithm.flow(n), list[Round]()
    try:
        asked = next(flow)
        while True:
            assert asked.questions
            assert sorted(asked.so_far) == list(range(n))
            for q in asked.questions:
                assert len(set(q)) == len(q) > 1
                assert set(q) <= set(range(n))
            rounds.append(asked)
            asked = flow.send([reply(algorithm.asks, q) for q in asked.questions])
    except StopIteration as done:
        return done.value, rounds


def perfect(value: Callable[[int], float]) -> Reply:
    def reply(asks: QuestionKind, q: QuestionIndices) -> Any:
        if asks == "compare":
            a, b = value(q[0]), value(q[1])
            return (a > b) + 0.5 * (a == b)
        order = sorted(q, key=lambda p: -value(p))
        return order[0] if asks == "best" else order

    return reply


def erratic(seed: int) -> Reply:
    r = random.Random(seed)

    def reply(asks: QuestionKind, q: QuestionIndices) -> Any:
        if asks == "compare":
            return r.choice([0.0, 0.5, 1.0, r.random()])
        order = r.sample(q, len(q))
        return order[0] if asks == "best" else order

    return reply


windows = st.integers(3, 25).flatmap(
    lambda w: st.one_of(
        st.builds(SlidingWindow, st.just(w), st.integers(1, w - 1)),
        st.builds(TopDown, st.just(w), st.integers(1, w - 1), st.booleans(), st.integers(1, 4)),
        st.builds(Tournament, st.just(w), st.integers(1, w // 2)),
    )
)
few = st.integers(1, 12)
setwise = st.one_of(
    st.builds(SetwiseHeapsort, st.integers(2, 10), few),
    st.builds(SetwiseInsertion, st.integers(2, 10), few),
)
pairwise = st.one_of(st.builds(Heapsort, few), st.builds(SlidingPairs, few))
everything = st.one_of(windows, setwise, pairwise, st.just(AllPairs()))
wrapped = st.builds(
    SelfConsistent,
    st.one_of(windows, setwise, pairwise),
    st.integers(1, 4),
    st.sampled_from(["kemeny", "borda"]),
    st.integers(0, 3),
)


def guaranteed(algorithm: Any, n: int) -> int:
    """How many on top a judge without mistakes gets right, as the docstrings say."""
    if isinstance(algorithm, SelfConsistent):
        return guaranteed(algorithm.algorithm, n)
    if isinstance(algorithm, SlidingWindow):
        return n if n <= algorithm.window else algorithm.window - algorithm.stride
    if isinstance(algorithm, Tournament):
        return n if n <= algorithm.window else algorithm.keep
    if isinstance(algorithm, TopDown):
        if n <= algorithm.window:
            return n
        return algorithm.pivot if algorithm.exact else min(algorithm.pivot, 2)
    return n if isinstance(algorithm, AllPairs) else int(algorithm.k)


@settings(max_examples=200)
@given(st.one_of(everything, wrapped), st.integers(0, 70), st.integers(0, 999))
def test_it_is_a_permutation_whatever_the_judge_says(
    algorithm: Algorithm, n: int, seed: int
) -> None:
    verdict, rounds = answered(algorithm, n, erratic(seed))
    assert sorted(verdict.order) == list(range(n))
    assert bool(rounds) == (n > 1)


@settings(max_examples=200)
@given(st.one_of(everything, wrapped), st.integers(0, 70), st.randoms(use_true_random=False))
def test_a_judge_without_mistakes_gets_the_top_right(
    algorithm: Algorithm, n: int, rand: random.Random
) -> None:
    values = rand.sample(range(n), n)
    best_first = sorted(range(n), key=lambda p: -values[p])
    verdict, _ = answered(algorithm, n, perfect(lambda p: values[p]))
    k = min(n, guaranteed(algorithm, n))
    assert verdict.order[:k] == best_first[:k]


@settings(max_examples=100)
@given(st.one_of(everything, wrapped), st.integers(0, 40))
def test_adversaries_that_always_like_the_last_or_contradict_themselves(
    algorithm: Algorithm, n: int
) -> None:
    def last(asks: QuestionKind, q: QuestionIndices) -> Any:
        return {"order": list(q[::-1]), "best": q[-1], "compare": 0.0}[asks]

    def circle(asks: QuestionKind, q: QuestionIndices) -> Any:  # rock, paper, scissors
        if asks == "compare":
            return float((q[0] - q[1]) % 3 == 1)
        order = sorted(q, key=lambda p: (p - q[0]) % 3)
        return order[0] if asks == "best" else order

    for reply in (last, circle):
        verdict, _ = answered(algorithm, n, reply)
        assert sorted(verdict.order) == list(range(n))


@given(st.one_of(everything), st.integers(0, 30))
@settings(max_examples=200)
def test_comparisons_that_always_like_the_first_place_keep_the_incoming_order(
    algorithm: Algorithm, n: int
) -> None:
    if algorithm.asks == "compare":
        verdict, _ = answered(algorithm, n, lambda asks, q: 1.0)
        assert verdict.order == list(range(n))


@given(st.one_of(pairwise, st.just(AllPairs())), st.integers(0, 40), st.integers(0, 99))
@settings(max_examples=200)
def test_each_pair_is_asked_once_in_both_orders(algorithm: Algorithm, n: int, seed: int) -> None:
    _, rounds = answered(algorithm, n, erratic(seed))
    asked = [q for r in rounds for q in r.questions]
    assert len(asked) == len(set(asked))
    assert {(b, a) for a, b in asked} == set(asked)


@pytest.mark.parametrize("n", range(0, 121, 3))
def test_calls_of_the_sliding_window(n: int) -> None:
    _, rounds = answered(SlidingWindow(20, 10), n, erratic(n))
    calls = 0 if n < 2 else 1 if n <= 20 else ceil((n - 20) / 10) + 1
    assert [len(r.questions) for r in rounds] == [1] * calls


@pytest.mark.parametrize("seed", range(20))
def test_top_down_and_tournament_take_a_third_of_the_rounds_or_fewer_calls(seed: int) -> None:
    for algorithm, calls, depth in (
        (TopDown(), 7, 3),
        (TopDown(votes=3), 9, 3),
        (Tournament(), 8, 3),
        (Tournament(keep=4), 6, 2),
    ):
        _, rounds = answered(algorithm, 100, erratic(seed))
        assert (sum(len(r.questions) for r in rounds), len(rounds)) == (calls, depth)


@pytest.mark.parametrize(("n", "k"), [(20, 3), (50, 5), (100, 10), (200, 10)])
def test_sliding_pairs_take_o_of_kn_calls_in_n_plus_2k_rounds(n: int, k: int) -> None:
    for reply in (erratic(n), perfect(lambda p: p), perfect(lambda p: -p)):
        _, rounds = answered(SlidingPairs(k), n, reply)
        assert sum(len(r.questions) for r in rounds) <= 2 * k * (n - 1)
        assert len(rounds) <= n + 2 * k


@given(st.integers(0, 30), st.integers(1, 8), st.integers(0, 99))
def test_sliding_pairs_side_by_side_are_passes_one_after_another(n: int, k: int, seed: int) -> None:
    r = random.Random(seed)
    said = {(a, b): r.choice([0.0, 0.5, 1.0]) for a in range(n) for b in range(n)}
    verdict, _ = answered(SlidingPairs(k), n, lambda asks, q: said[q[0], q[1]])
    places = list(range(n))
    for settled in range(min(k, n - 1)):
        for i in range(n - 2, settled - 1, -1):
            a, b = places[i], places[i + 1]
            p = said[a, b] - said[b, a]
            if p < 0 or (p == 0 and b < a):
                places[i], places[i + 1] = b, a
    assert verdict.order == places


def test_a_heap_is_built_level_by_level_side_by_side() -> None:
    for algorithm in (SetwiseHeapsort(9, 10), Heapsort(10)):
        _, rounds = answered(algorithm, 100, erratic(1))
        assert len(rounds) < sum(len(r.questions) for r in rounds) / 1.2
        assert max(len(r.questions) for r in rounds) >= 9


def test_insertion_uses_the_incoming_order() -> None:
    _, good = answered(SetwiseInsertion(9, 10), 100, perfect(lambda p: -p))
    _, bad = answered(SetwiseInsertion(9, 10), 100, perfect(lambda p: p))
    assert len(good) < 25 < len(bad)


def test_shuffles_run_side_by_side_and_by_seed() -> None:
    one = SelfConsistent(SlidingWindow(), 5, seed=1)
    first, rounds = answered(one, 100, perfect(lambda p: p % 7))
    assert [len(r.questions) for r in rounds] == [5] * 9
    again, same = answered(one, 100, perfect(lambda p: p % 7))
    assert (first, rounds) == (again, same)
    _, other = answered(SelfConsistent(SlidingWindow(), 5, seed=2), 100, perfect(lambda p: p))
    assert [r.questions for r in other] != [r.questions for r in rounds]
    assert rounds[0].questions[0] == tuple(range(80, 100)), "the first is the incoming order"


def test_shuffles_take_out_what_a_judge_says_because_of_the_place() -> None:
    def biased(asks: QuestionKind, q: QuestionIndices) -> list[int]:
        return sorted(q, key=lambda p: -((p >= 10) + 1.5 * (q.index(p) < len(q) / 2)))

    plain, _ = answered(SlidingWindow(), 20, biased)
    shared, _ = answered(SelfConsistent(SlidingWindow(), 25), 20, biased)
    right = [len([p for p in v.order[:10] if p >= 10]) for v in (plain, shared)]
    assert right[0] == 0
    assert right[1] >= 9


@pytest.mark.parametrize(
    "make",
    [
        lambda: SlidingWindow(1, 1),
        lambda: SlidingWindow(4, 0),
        lambda: SlidingWindow(4, 4),
        lambda: TopDown(2, 1),
        lambda: TopDown(4, 0),
        lambda: TopDown(4, 4),
        lambda: TopDown(votes=0),
        lambda: Tournament(1, 1),
        lambda: Tournament(4, 3),
        lambda: Tournament(4, 0),
        lambda: SetwiseHeapsort(1),
        lambda: SetwiseHeapsort(k=0),
        lambda: SetwiseInsertion(1),
        lambda: SetwiseInsertion(k=0),
        lambda: Heapsort(0),
        lambda: SlidingPairs(0),
        lambda: AllPairs("elo"),  # type: ignore[arg-type]
        lambda: SelfConsistent("sliding"),  # type: ignore[arg-type]
        lambda: SelfConsistent(SlidingWindow(), 0),
        lambda: SelfConsistent(SlidingWindow(), aggregate="mean"),  # type: ignore[arg-type]
    ],
)
def test_parameters_that_do_not_fit(make: Callable[[], object]) -> None:
    with pytest.raises(InvalidInputError):
        make()
