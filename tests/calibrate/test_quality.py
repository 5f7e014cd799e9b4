from __future__ import annotations

import random

import pytest

from secondpass import InvalidInputError, brier_score, expected_calibration_error


def test_by_hand() -> None:
    assert brier_score([0.8, 0.4], [1, 0]) == pytest.approx((0.04 + 0.16) / 2)
    assert expected_calibration_error([0.8, 0.4], [1, 0], bins=2) == pytest.approx(0.3)
    assert expected_calibration_error([0.8, 0.4], [1, 0], bins=1) == pytest.approx(0.1)


def test_ties_across_a_border_are_not_sorted_by_label() -> None:
    assert expected_calibration_error([0.5] * 100, [0] * 50 + [1] * 50, bins=15) < 1e-9
    assert expected_calibration_error([0.5] * 100, [1, 0] * 50, bins=15) < 1e-9


def test_brier_agrees_with_scikit_learn() -> None:
    from sklearn.metrics import brier_score_loss

    g = random.Random(0)
    p = [g.random() for _ in range(200)]
    y = [int(g.random() < x) for x in p]
    assert brier_score(p, y) == pytest.approx(brier_score_loss(y, p))


def test_perfect_and_worst() -> None:
    assert expected_calibration_error([1.0, 0.0], [1, 0]) == 0
    assert expected_calibration_error([0.0, 1.0], [1, 0]) == 1
    g = random.Random(1)
    p = [g.random() for _ in range(20_000)]
    assert expected_calibration_error(p, [g.random() < x for x in p]) < 0.02


def test_bad_input() -> None:
    with pytest.raises(InvalidInputError, match="0 probabilities"):
        brier_score([], [])
    with pytest.raises(InvalidInputError, match="in \\[0, 1\\]"):
        expected_calibration_error([3.2], [1])
    with pytest.raises(InvalidInputError, match="one label for each"):
        brier_score([0.5], [1, 0])
