from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.thresholds import Outcome
from secondpass.thresholds.operating_points import ThresholdCounts

QUERY = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9]), st.booleans(), st.integers(0, 9)),
    max_size=8,
).map(lambda rows: sorted(rows, key=lambda r: -r[0]))


def test_f_by_hand() -> None:
    outcome = Outcome(0.5, 0.8, None, None, 3.0, 40.0, 0.0)
    assert outcome.f() == pytest.approx(2 * 0.4 / 1.3)
    assert outcome.f(2.0) == pytest.approx(5 * 0.4 / (4 * 0.5 + 0.8))
    assert Outcome(None, 0.0, None, None, 0.0, 0.0, 1.0).f() == 0


@given(st.lists(QUERY, min_size=1, max_size=6), st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_counts_are_those_of_a_plain_loop(queries, lost) -> None:  # type: ignore[no-untyped-def]
    relevant = [sum(y for _, y, _ in q) + n for q, n in zip(queries, lost, strict=False)]
    if not any(relevant):
        return
    thresholds = [0.0, 0.1, 0.3, 0.9, 0.95]
    counts = ThresholdCounts.of(
        thresholds,
        [[s for s, _, _ in q] for q in queries],
        [[y for _, y, _ in q] for q in queries],
        [[n for _, _, n in q] for q in queries],
        relevant,
    )
    for point in counts.curve(range(len(queries))):
        kept = [[r for r in q if r[0] >= point.threshold] for q in queries]
        shares = [sum(y for _, y, _ in k) / len(k) for k in kept if k]
        found = [sum(y for _, y, _ in k) / n for k, n in zip(kept, relevant, strict=True) if n]
        got = point.outcome
        if shares:
            assert got.precision == pytest.approx(sum(shares) / len(shares))
        else:
            assert got.precision is None
        assert got.recall == pytest.approx(sum(found) / len(found))
        assert got.kept == pytest.approx(sum(map(len, kept)) / len(queries))
        assert got.tokens == pytest.approx(sum(n for k in kept for _, _, n in k) / len(queries))
        assert got.empty == pytest.approx(sum(not k for k in kept) / len(queries))
    last = len(thresholds) - 1
    everywhere = counts.outcome_at([(i, last) for i in range(len(queries))])
    assert everywhere == counts.curve(range(len(queries)))[last].outcome


def test_standard_errors_are_those_of_the_mean_over_queries() -> None:
    counts = ThresholdCounts.of(
        [0.0], [[0.5, 0.4]] * 3, [[True, False], [True, True], [False, True]], [[1, 1]] * 3,
        [1, 2, 2],
    )  # fmt: skip
    (point,) = counts.curve([0, 1, 2])
    assert point.outcome.precision == pytest.approx(2 / 3)
    spread = ((1 / 6) ** 2 + (1 / 3) ** 2 + (1 / 6) ** 2) / 2
    assert point.outcome.precision_error == pytest.approx((spread / 3) ** 0.5)
    (alone,) = counts.curve([0])
    assert alone.outcome.precision_error is None
