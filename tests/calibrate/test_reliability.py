from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.calibrate import reliability_curve


def test_by_hand() -> None:
    low, high = reliability_curve([0.1, 0.3, 0.8, 1.0], [0, 1, 1, 1], bins=2)
    assert (low.predicted, low.observed, low.count) == (pytest.approx(0.2), 0.5, 2)
    assert (high.predicted, high.observed, high.count) == (pytest.approx(0.9), 1.0, 2)


def test_the_interval_is_wilsons() -> None:
    from scipy.stats import binomtest

    (point,) = reliability_curve([0.5] * 40, [1] * 7 + [0] * 33, bins=1)
    expected = binomtest(7, 40).proportion_ci(0.95, method="wilson")
    assert (point.low, point.high) == pytest.approx((expected.low, expected.high))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50))
def test_no_pair_is_lost_and_each_share_is_in_its_interval(
    pairs: list[tuple[float, bool]],
) -> None:
    points = reliability_curve([p for p, _ in pairs], [y for _, y in pairs])
    assert sum(p.count for p in points) == len(pairs)
    assert sum(p.observed * p.count for p in points) == pytest.approx(sum(y for _, y in pairs))
    for p in points:
        assert 0 <= p.low <= p.observed + 1e-9
        assert p.observed - 1e-9 <= p.high <= 1
    assert [p.predicted for p in points] == sorted(p.predicted for p in points)


def test_of_a_calibrated_world_95_of_100_intervals_hold_the_truth() -> None:
    g = random.Random(3)
    p = [g.random() for _ in range(40_000)]
    points = reliability_curve(p, [g.random() < x for x in p], bins=100)
    assert 88 <= sum(q.low <= q.predicted <= q.high for q in points) <= 100
