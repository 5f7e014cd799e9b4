from __future__ import annotations

import random

import pytest

from secondpass import InvalidInputError
from secondpass.calibrate import (
    brier_score,
    class_balanced_calibration_error,
    expected_calibration_error,
)


def test_by_hand() -> None:
    assert expected_calibration_error([0.8, 0.4], [1, 0], bins=2) == pytest.approx(0.3)
    assert expected_calibration_error([0.8, 0.4], [1, 0], bins=1) == pytest.approx(0.1)


def test_ties_across_a_border_are_not_sorted_by_label() -> None:
    assert expected_calibration_error([0.5] * 100, [0] * 50 + [1] * 50, bins=15) < 1e-9
    assert expected_calibration_error([0.5] * 100, [1, 0] * 50, bins=15) < 1e-9


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
    with pytest.raises(InvalidInputError, match="whole number, 1 or more"):
        expected_calibration_error([0.5], [1], bins=0)


def test_class_balanced_by_hand() -> None:
    # two bins of two: said .2 where a half is relevant, said .9 where all are
    p, y = [0.2, 0.2, 0.9, 0.9], [0, 1, 1, 1]
    low, high = (1 / 3 + 1 / 1) / 2, (2 / 3 + 0 / 1) / 2
    assert class_balanced_calibration_error(p, y, bins=2) == pytest.approx(0.3 * low + 0.1 * high)
    assert expected_calibration_error(p, y, bins=2) == pytest.approx(0.3 / 2 + 0.1 / 2)


def test_rare_relevant_pairs_weigh_one_half() -> None:
    """Wrong about the one relevant pair in fifty, right about the rest."""
    p = [0.001] * 490 + [0.3] * 10
    y = [0] * 490 + [1] * 10
    assert expected_calibration_error(p, y, bins=50) < 0.02
    assert class_balanced_calibration_error(p, y, bins=50) > 0.3


def test_calibrated_probabilities_have_no_class_balanced_error_either() -> None:
    g = random.Random(1)
    p = [g.random() ** 3 for _ in range(20_000)]
    assert class_balanced_calibration_error(p, [g.random() < x for x in p]) < 0.03


def test_class_balance_needs_two_classes() -> None:
    for y in ([1, 1], [0, 0]):
        with pytest.raises(InvalidInputError, match="two classes"):
            class_balanced_calibration_error([0.5, 0.6], y)
