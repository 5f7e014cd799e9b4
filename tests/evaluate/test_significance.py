from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from secondpass import InvalidInputError
from secondpass.evaluate import (
    bootstrap_interval,
    detectable_difference,
    holm,
    randomisation_test,
)
from secondpass.evaluate.significance import least_p

SKEWED = np.random.default_rng(1).gamma(0.5, 1.0, 60) - 0.4


@pytest.mark.parametrize("method", ["bca", "percentile"])
def test_the_interval_is_scipys(method: str) -> None:
    ours = bootstrap_interval(SKEWED, 0.9, method=method, resamples=40_000)  # type: ignore[arg-type]
    theirs = stats.bootstrap(
        (SKEWED,), np.mean, n_resamples=40_000, confidence_level=0.9, rng=0,
        method="BCa" if method == "bca" else "percentile",
    ).confidence_interval  # fmt: skip
    assert ours == pytest.approx(theirs, abs=0.006)
    if method == "bca":  # and that is another one than the percentile interval
        assert abs(ours[1] - bootstrap_interval(SKEWED, 0.9, method="percentile")[1]) > 0.006


def test_the_interval_repeats_with_the_seed_and_needs_no_variance() -> None:
    assert bootstrap_interval(SKEWED) == bootstrap_interval(SKEWED)
    assert bootstrap_interval(SKEWED) != bootstrap_interval(SKEWED, seed=1)
    assert bootstrap_interval([0.5, 0.5]) == (0.5, 0.5)
    low, high = bootstrap_interval([0.0] * 30 + [1.0])  # so skewed that an end may be the mean
    assert 0 <= low <= high <= 1


@pytest.mark.parametrize("n", [5, 11, 40])
def test_the_p_value_is_scipys(n: int) -> None:
    x = np.random.default_rng(n).normal(0.3, 1, n)
    theirs = stats.permutation_test(
        (x,), np.mean, permutation_type="samples", n_resamples=20_000, vectorized=True, rng=0
    )
    assert randomisation_test(x) == pytest.approx(theirs.pvalue, abs=1e-12 if n < 14 else 0.01)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
def test_small_samples_are_exact(differences: list[int]) -> None:
    sums = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    exact = sum(s >= abs(sum(differences)) for s in sums) / len(sums)
    assert randomisation_test([d / 10 for d in differences]) == pytest.approx(exact)


def test_queries_that_are_equal_have_no_say() -> None:
    assert randomisation_test([0.0] * 9) == 1.0
    assert randomisation_test([0.1] * 6) == randomisation_test([0.1] * 6 + [0.0] * 500) == 2 / 64
    assert least_p([0.1] * 6 + [0.0]) == 2 / 64
    assert least_p([0.0]) == 1.0


def test_random_patterns_never_give_p_0() -> None:
    assert randomisation_test([1.0] * 100, resamples=999) == 1 / 1000


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.7]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=6))
def test_holm_lies_between_nothing_and_bonferroni(ps: list[float]) -> None:
    for p, adjusted in zip(ps, holm(ps), strict=True):
        assert p <= adjusted <= min(1.0, len(ps) * p) + 1e-12 or adjusted == max(holm(ps))
    ranked = sorted(range(len(ps)), key=lambda i: ps[i])
    assert [holm(ps)[i] for i in ranked] == sorted(holm(ps))


def test_what_could_be_detected() -> None:
    x = [0.1, -0.1] * 50
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert detectable_difference(x) == pytest.approx(z * np.std(x, ddof=1) / 10)
    assert math.isinf(detectable_difference([0.1]))


def test_wrong_input() -> None:
    for wrong in ([], [math.nan], [[1.0]]):
        with pytest.raises(InvalidInputError, match="one finite number per query"):
            randomisation_test(wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="resamples=3"):
        bootstrap_interval([1.0], resamples=3)
    with pytest.raises(InvalidInputError, match="confidence=95"):
        bootstrap_interval([1.0], 95)
    with pytest.raises(InvalidInputError, match="p-values"):
        holm([2.0])


@pytest.mark.theory
def test_false_alarms_are_as_rare_as_promised() -> None:
    """Two systems that differ by chance only: p < .05 in about 5 % of 1,000 collections."""
    drawn = np.random.default_rng(0)
    # like nDCG differences: mostly ties, heavy tails, symmetric
    x = drawn.laplace(0, 0.1, (1000, 30)) * (drawn.random((1000, 30)) < 0.6)
    alarms = sum(randomisation_test(row, resamples=500, seed=i) < 0.05 for i, row in enumerate(x))
    assert stats.binomtest(alarms, 1000, 0.05, alternative="greater").pvalue > 0.001
    assert alarms > 25  # nor is the test so careful that it never speaks


@pytest.mark.theory
def test_the_interval_covers_as_often_as_promised() -> None:
    drawn = np.random.default_rng(0)
    x = drawn.laplace(0.05, 0.1, (600, 60))
    inside = 0
    for i, row in enumerate(x):
        low, high = bootstrap_interval(row, 0.9, resamples=400, seed=i)
        inside += low <= 0.05 <= high
    assert 0.86 <= inside / 600 <= 0.94
