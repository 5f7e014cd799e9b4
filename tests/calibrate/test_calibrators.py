from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from secondpass import Beta, CalibrationError, Isotonic, Platt, Temperature
from secondpass.calibrate import Calibrator, brier_score, expected_calibration_error

METHODS: list[type[Calibrator]] = [Platt, Temperature, Beta, Isotonic]


def _world(n: int, slope: float, bias: float, seed: int = 0) -> tuple[list[float], list[bool]]:
    """Scores whose true P(relevant) is sigmoid(slope * score + bias)."""
    g = random.Random(seed)
    scores = [g.gauss(0, 3) for _ in range(n)]
    return scores, [g.random() < 1 / (1 + math.exp(-slope * s - bias)) for s in scores]


def test_platt_finds_the_true_curve() -> None:
    fitted = Platt.fit(*_world(20_000, 0.7, -1.0))
    assert fitted.slope == pytest.approx(0.7, abs=0.04)
    assert fitted.bias == pytest.approx(-1.0, abs=0.06)


def test_temperature_finds_the_true_curve() -> None:
    assert Temperature.fit(*_world(20_000, 0.5, 0.0)).temperature == pytest.approx(2.0, abs=0.1)


def test_platt_agrees_with_scikit_learns_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    scores, labels = _world(5000, 1.2, 0.3)
    other = LogisticRegression(C=1e6).fit([[s] for s in scores], labels)
    ours = Platt.fit(scores, labels)
    assert ours.slope == pytest.approx(other.coef_[0][0], rel=0.02)
    assert ours.bias == pytest.approx(other.intercept_[0], abs=0.03)


def test_isotonic_agrees_with_scikit_learn_inside_its_range() -> None:
    from sklearn.isotonic import IsotonicRegression

    scores, labels = _world(500, 1.0, 0.0)
    ours = Isotonic.fit(scores, labels)
    low, high = min(ours.probabilities), max(ours.probabilities)
    other = IsotonicRegression(y_min=low, y_max=high, out_of_bounds="clip").fit(scores, labels)
    for x in (-20.0, -3.0, -0.5, 0.0, 0.7, 4.0, 20.0):
        assert ours.probability(x) == pytest.approx(other.predict([x])[0], abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_a_fit_is_calibrated_on_fresh_data(method: type[Calibrator]) -> None:
    bias = 0.0 if method is Temperature else -1.5  # a temperature cannot move the zero
    fitted = method.fit(*_world(4000, 0.8, bias, seed=1))
    scores, labels = _world(4000, 0.8, bias, seed=2)
    probabilities = [fitted.probability(s) for s in scores]
    assert expected_calibration_error(probabilities, labels) < 0.03
    naive = [1 / (1 + math.exp(-s)) for s in scores]
    assert brier_score(probabilities, labels) < brier_score(naive, labels) + 1e-3


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), st.booleans()),
        min_size=2,
        max_size=30,
    )
)
def test_any_small_sample_gives_a_rising_curve_in_0_1_or_says_why_not(
    method: type[Calibrator], pairs: list[tuple[float, bool]]
) -> None:
    scores, labels = [s for s, _ in pairs], [y for _, y in pairs]
    try:
        fitted = method.fit(scores, labels)
    except CalibrationError:
        assume(False)
        raise
    probes = sorted({*scores, -1e9, -1.0, 0.0, 1.0, 1e9})
    said = [fitted.probability(x) for x in probes]
    assert all(0 <= p <= 1 for p in said)
    assert all(a <= b + 1e-12 for a, b in itertools.pairwise(said))


@pytest.mark.parametrize("method", METHODS)
def test_separable_data_claims_no_certainty(method: type[Calibrator]) -> None:
    fitted = method.fit([-2.0, -1.0, 1.0, 2.0], [0, 0, 1, 1])
    assert 0.5 < fitted.probability(2.0) < 0.99
    assert 0.01 < fitted.probability(-2.0) < 0.5


@pytest.mark.parametrize("method", METHODS)
def test_all_scores_equal_give_one_moderate_probability(method: type[Calibrator]) -> None:
    p = method.fit([3.0] * 10, [1] * 3 + [0] * 7).probability(3.0)
    assert 0.2 <= p <= 0.5 + 1e-6


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([1.0, 2.0], [1, 1], "all 2 labelled pairs are relevant"),
        ([1.0, 2.0], [0, 0], "all 2 labelled pairs are not relevant"),
        ([], [], "all 0"),
        ([1.0], [1, 0], "one label per score"),
        ([1.0, math.nan], [1, 0], "not finite"),
        ([1.0, 2.0], [2, 0], "0 or 1"),
        ([1.0, 2.0, 3.0, 4.0], [1, 1, 0, 0], "less often relevant"),
    ],
)
def test_data_that_cannot_be_learned_from_is_named(
    method: type[Calibrator], scores: list[float], labels: list[int], message: str
) -> None:
    with pytest.raises(CalibrationError, match=message):
        method.fit(scores, labels)
