from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass import CalibrationError, InvalidInputError
from secondpass.calibrate import PriorShift


def _world(rate: float, queries: int = 200, seed: int = 0, moved: float = 0.0):  # type: ignore[no-untyped-def]
    """Scores of unlabelled rankings of 20, and P(relevant) as it would be at a rate of 0.3."""
    g = np.random.default_rng(seed)
    y = g.random((queries, 20)) < rate
    scores = moved + np.where(y, 1.5, -1.5) + 1.5 * g.standard_normal(y.shape)
    z = 4 / 3 * scores + math.log(0.3 / 0.7)
    return (1 / (1 + np.exp(-z))).tolist(), y


@pytest.mark.parametrize("rate", [0.03, 0.1, 0.3, 0.6, 0.9])
def test_the_true_base_rate_is_found(rate: float) -> None:
    said, y = _world(rate)
    shift = PriorShift.estimate(said, 0.3)
    assert shift.standard_error is not None
    assert abs(shift.new_rate - y.mean()) < 0.02
    assert abs(shift.new_rate - rate) < 4 * shift.standard_error
    corrected = [shift.correct(p) for q in said for p in q]
    assert np.mean(corrected) == pytest.approx(y.mean(), abs=0.02)
    assert (shift.rankings, shift.candidates) == (200, 4000)


def test_the_standard_error_is_that_of_repeated_draws() -> None:
    shifts = [PriorShift.estimate(_world(0.1, 50, seed)[0], 0.3) for seed in range(200)]
    spread = np.std([s.new_rate for s in shifts])
    stated = np.mean([s.standard_error for s in shifts if s.standard_error])
    assert stated == pytest.approx(spread, rel=0.2)


def test_the_standard_error_sees_that_rankings_are_the_sample() -> None:
    """Each ranking twenty times the same candidate: as sure as of rankings of one."""
    said, _ = _world(0.2, 300)
    ones = [q[:1] for q in said]
    alone = PriorShift.estimate(ones, 0.3)
    copied = PriorShift.estimate([q * 20 for q in ones], 0.3)
    assert copied.new_rate == pytest.approx(alone.new_rate, abs=1e-6)
    assert copied.standard_error == pytest.approx(alone.standard_error, rel=1e-4)


def test_expectation_maximisation_ends_where_the_likelihood_is_highest() -> None:
    said = _world(0.07, 60)[0]
    p = np.array(said).ravel()

    def likelihood(rate: float) -> float:
        return float(np.log(rate * p / 0.3 + (1 - rate) * (1 - p) / 0.7).sum())

    found = PriorShift.estimate(said, 0.3).new_rate
    grid = np.linspace(0.001, 0.5, 1000)
    assert likelihood(found) >= max(likelihood(r) for r in grid) - 1e-6


def test_where_the_scores_moved_the_answer_is_wrong() -> None:
    """The assumption is p(score | relevant) as before. Harder queries break it: all score less."""
    said, y = _world(0.3, moved=-1.5)
    wrong = PriorShift.estimate(said, 0.3)
    assert wrong.new_rate < 0.5 * y.mean()
    assert wrong.standard_error is not None
    assert y.mean() - wrong.new_rate > 10 * wrong.standard_error  # and it does not notice


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999), st.floats(0, 1), st.floats(0, 1))
def test_a_correction_keeps_the_order_and_can_be_undone(
    old: float, new: float, p: float, q: float
) -> None:
    there, back = PriorShift(old, new), PriorShift(new, old)
    low, high = sorted((p, q))
    assert 0 <= there.correct(low) <= there.correct(high) + 1e-12 <= 1 + 1e-12
    assert back.correct(there.correct(p)) == pytest.approx(p, abs=1e-6)
    assert PriorShift(old, old).correct(p) == pytest.approx(p)
    assert (there.correct(0.0), there.correct(1.0)) == (0.0, 1.0)


@pytest.mark.parametrize(("p", "towards"), [(1e-6, "0"), (1 - 1e-6, "1"), (0.0, "0"), (1.0, "1")])
def test_estimates_that_run_away_are_refused(p: float, towards: str) -> None:
    with pytest.raises(CalibrationError, match=f"runs to {towards}"):
        PriorShift.estimate([[p] * 20] * 30, 0.3)


def test_probabilities_that_say_nothing_and_bad_input() -> None:
    with pytest.raises(CalibrationError, match="nothing about another"):
        PriorShift.estimate([[0.3] * 20] * 30, 0.3)
    for bad in ([], [[]], [[1.2]], [[math.nan]]):
        with pytest.raises(InvalidInputError, match="probabilities to estimate from"):
            PriorShift.estimate(bad, 0.3)
    for rate in (0, 1, -0.1, math.nan, "x", True):
        with pytest.raises(InvalidInputError, match="no base rate"):
            PriorShift(0.3, rate)  # type: ignore[arg-type]


def test_it_says_how_far_it_moved() -> None:
    text = str(PriorShift(0.1, 0.3, 0.01, 40, 800))
    assert text == (
        "base rate 0.1 -> 0.3 (standard error 0.01, from 800 candidates of 40 rankings): "
        "odds times 3.86"
    )
