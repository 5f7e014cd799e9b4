from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.judge.algorithms.bradley_terry import log_strengths


@given(st.lists(st.floats(-2, 2), min_size=2, max_size=12))
def test_it_recovers_the_strengths_that_made_the_wins(true: list[float]) -> None:
    wins = [[1 / (1 + math.exp(b - a)) for b in true] for a in true]
    found = log_strengths(wins, prior=1e-6)
    mean = sum(true) / len(true)
    assert found == pytest.approx([t - mean for t in true], abs=1e-3)


@pytest.mark.parametrize("n", [0, 1, 2, 30])
def test_one_that_always_wins_stays_finite_and_first(n: int) -> None:
    order = random.Random(n).sample(range(n), n)
    wins = [[float(order[i] < order[j]) for j in range(n)] for i in range(n)]
    found = log_strengths(wins)
    assert all(math.isfinite(t) for t in found)
    assert sorted(range(n), key=lambda i: -found[i]) == sorted(range(n), key=lambda i: order[i])


def test_equal_records_tie() -> None:
    assert log_strengths([[0.5] * 7] * 7) == [0.0] * 7
    found = log_strengths([[0.5, 1, 1], [0, 0.5, 0.5], [0, 0.5, 0.5]])
    assert found[1] == found[2] < found[0]


def test_it_is_at_the_maximum() -> None:
    r = np.random.default_rng(0)
    wins = r.random((20, 20))
    wins = np.triu(wins, 1) + np.tril(1 - wins.T, -1)
    t = np.array(log_strengths(wins.tolist()))
    p = 1 / (1 + np.exp(t[None] - t[:, None]))
    np.fill_diagonal(p, 0)
    assert np.allclose(wins.sum(1) - p.sum(1) - 0.01 * t, 0, atol=1e-6)
