from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass import Compare, InvalidInputError, Ranking, ScoreError
from secondpass.testing import FakeComparer, check_comparer


@given(st.lists(st.integers(0, 9), max_size=8), st.floats(-0.4, 0.4))
def test_it_sorts_whatever_the_bias_to_the_first_place(values: list[int], bias: float) -> None:
    comparer = FakeComparer(lambda q, t: float(t), bias=bias)
    ranking = Compare(comparer)(Ranking.of("q", [str(v) for v in values]))
    assert [int(c.text) for c in ranking] == sorted(values, reverse=True)


def test_every_pair_is_asked_in_both_orders() -> None:
    comparer = FakeComparer()
    Compare(comparer)(Ranking.of("q", ["a", "b", "c"]))
    assert len(comparer.calls[0]) == len(set(comparer.calls[0])) == 6


def test_none_or_one_candidate_costs_nothing() -> None:
    comparer = FakeComparer()
    assert Compare(comparer)(Ranking.of("q", ["a"])).scores == [0.0]
    assert len(Compare(comparer)(Ranking.of("q", []))) == 0
    assert comparer.calls == []


@pytest.mark.parametrize(
    ("said", "message"),
    [([0.5], "returned 1 answers for 2 pairs"), ([0.5, math.nan], "nan"), ([0.5, 1.5], "1.5")],
)
def test_a_bad_answer_is_named(said: list[float], message: str) -> None:
    comparer = FakeComparer()
    comparer.compare = lambda query, pairs: said  # type: ignore[method-assign]
    with pytest.raises(ScoreError, match=message):
        Compare(comparer)(Ranking.of("q", ["a", "b"]))


def test_what_is_no_comparer_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="is not a comparer"):
        Compare(object())  # type: ignore[arg-type]


def test_the_fake_comparer_keeps_the_laws() -> None:
    check_comparer(FakeComparer(bias=0.2))
