from __future__ import annotations

import random
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from secondpass.judge.algorithms.rank_aggregation import borda, disagreements, kemeny

ORDERS = st.integers(1, 6).flatmap(
    lambda n: st.lists(st.permutations(list(range(n))), min_size=1, max_size=6)
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
    found = kemeny(orders)
    assert sorted(found) == list(range(n))
    assert disagreements(found, orders) <= disagreements(borda(orders), orders)


def test_orders_that_agree_come_back_and_ties_are_deterministic() -> None:
    order = random.Random(1).sample(range(30), 30)
    assert kemeny([order] * 3) == borda([order] * 3) == order
    assert kemeny([[0, 1, 2], [2, 1, 0]]) == kemeny([[2, 1, 0], [0, 1, 2]])


def test_kemeny_ignores_by_how_much_a_minority_disagrees() -> None:
    orders = [[0, 1, 2, 3, 4]] * 3 + [[1, 2, 3, 4, 0]] * 2
    assert kemeny(orders) == [0, 1, 2, 3, 4]
    assert borda(orders)[0] == 1, "Borda is moved by them"
