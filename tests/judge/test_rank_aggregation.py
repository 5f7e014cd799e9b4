from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondpass.judge.algorithms.rank_aggregation import borda, kemeny, log_strengths

ORDERS = st.integers(1, 6).flatmap(
    lambda n: st.lists(st.permutations(list(range(n))), min_size=1, max_size=6)
)


def disagreements(order: Sequence[int], orders: Sequence[Sequence[int]]) -> int:
    """In how many pairs, summed over `orders`, another order says the opposite."""
    return sum(
        other.index(a) > other.index(b)
        for other in orders
        for i, a in enumerate(order)
        for b in order[i + 1 :]
    )


@settings(max_examples=150)
@given(ORDERS)
def test_kemeny_against_brute_force(orders: list[list[int]]) -> None:
    everything = permutations(range(len(orders[0])))
    fewest = min(disagreements(order, orders) for order in everything)
    assert disagreements(kemeny(orders), orders) == fewest


@settings(max_examples=50)
@given(st.integers(10, 40), st.integers(1, 7), st.integers(0, 99))
def test_the_local_search_is_no_worse_than_borda(n: int, m: int, seed: int) -> None:
    r = random.Random(seed)
    orders = [r.sample(range(n), n) for _ in range(m)]
    joined = kemeny(orders)
    assert sorted(joined) == list(range(n))
    assert disagreements(joined, orders) <= disagreements(borda(orders), orders)


def test_orders_that_agree_come_back_and_ties_are_deterministic() -> None:
    order = random.Random(1).sample(range(30), 30)
    assert kemeny([order] * 3) == borda([order] * 3) == order
    assert kemeny([[0, 1, 2], [2, 1, 0]]) == kemeny([[2, 1, 0], [0, 1, 2]])


def test_kemeny_ignores_by_how_much_a_minority_disagrees() -> None:
    orders = [[0, 1, 2, 3, 4]] * 3 + [[1, 2, 3, 4, 0]] * 2
    assert kemeny(orders) == [0, 1, 2, 3, 4]
    assert borda(orders)[0] == 1, "Borda is moved by them"


@given(st.lists(st.floats(-2, 2), min_size=2, max_size=12))
def test_bradley_terry_recovers_the_strengths_that_made_the_wins(true: list[float]) -> None:
    wins = [[1 / (1 + math.exp(b - a)) for b in true] for a in true]
    strengths = log_strengths(wins, prior=1e-6)
    mean = sum(true) / len(true)
    assert strengths == pytest.approx([t - mean for t in true], abs=1e-3)


@pytest.mark.parametrize("n", [0, 1, 2, 30])
def test_one_that_always_wins_stays_finite_and_first(n: int) -> None:
    order = random.Random(n).sample(range(n), n)
    wins = [[float(order[i] < order[j]) for j in range(n)] for i in range(n)]
    strengths = log_strengths(wins)
    assert all(math.isfinite(t) for t in strengths)
    assert sorted(range(n), key=lambda i: -strengths[i]) == sorted(range(n), key=lambda i: order[i])


def test_equal_records_have_equal_strengths() -> None:
    assert log_strengths([[0.5] * 7] * 7) == [0.0] * 7
    strengths = log_strengths([[0.5, 1, 1], [0, 0.5, 0.5], [0, 0.5, 0.5]])
    assert strengths[1] == strengths[2] < strengths[0]


def test_strengths_are_at_the_maximum_of_the_likelihood() -> None:
    r = np.random.default_rng(0)
    wins = r.random((20, 20))
    wins = np.triu(wins, 1) + np.tril(1 - wins.T, -1)
    t = np.array(log_strengths(wins.tolist()))
    p = 1 / (1 + np.exp(t[None] - t[:, None]))
    np.fill_diagonal(p, 0)
    assert np.allclose(wins.sum(1) - p.sum(1) - 0.01 * t, 0, atol=1e-6)
