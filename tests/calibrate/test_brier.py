from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.calibrate import brier_decomposition, brier_score

PAIRS = st.lists(
    st.tuples(st.floats(0, 1) | st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.booleans()),
    min_size=1,
    max_size=60,
)


def test_by_hand() -> None:
    assert brier_score([0.8, 0.4], [1, 0]) == pytest.approx((0.04 + 0.16) / 2)


def test_it_agrees_with_scikit_learn() -> None:
    from sklearn.metrics import brier_score_loss

    g = random.Random(0)
    p = [g.random() for _ in range(200)]
    y = [int(g.random() < x) for x in p]
    assert brier_score(p, y) == pytest.approx(brier_score_loss(y, p))


@given(PAIRS, st.integers(1, 20))
def test_the_parts_add_up_exactly(pairs: list[tuple[float, bool]], bins: int) -> None:
    p, y = [a for a, _ in pairs], [b for _, b in pairs]
    parts = brier_decomposition(p, y, bins)
    assert parts.score == pytest.approx(brier_score(p, y), abs=1e-12)
    assert min(parts.reliability, parts.resolution, parts.uncertainty) >= 0
    assert parts.resolution <= parts.uncertainty + 1e-12


def test_one_probability_a_bin_is_murphys_own_identity() -> None:
    p, y = [0.1] * 10 + [0.9] * 10, [1] + [0] * 9 + [1] * 8 + [0] * 2
    parts = brier_decomposition(p, y, bins=2)
    assert parts.within_bins == pytest.approx(0)
    assert parts.reliability == pytest.approx((0 + 0.1**2) / 2)
    assert parts.resolution == pytest.approx((0.35**2 + 0.35**2) / 2)
    assert parts.uncertainty == pytest.approx(0.45 * 0.55)


def test_the_base_rate_alone_has_neither_reliability_nor_resolution() -> None:
    parts = brier_decomposition([0.25] * 8, [1, 1] + [0] * 6)
    assert parts.score == pytest.approx(parts.uncertainty) == pytest.approx(0.1875)
