from __future__ import annotations

import math
import random

import pytest

from secondpass import InvalidInputError
from secondpass.calibrate import log_loss
from secondpass.calibrate.metrics.log_loss import ratio_difference


def test_it_agrees_with_scikit_learn() -> None:
    from sklearn.metrics import log_loss as theirs

    g = random.Random(0)
    p = [g.random() for _ in range(200)]
    y = [int(g.random() < x) for x in p]
    assert log_loss(p, y) == pytest.approx(theirs(y, p))


def test_certainty_that_was_wrong_costs_much_and_stays_finite() -> None:
    assert log_loss([1.0, 0.0], [1, 0]) == 0
    assert log_loss([1.0], [0]) == pytest.approx(-math.log(1e-15))
    with pytest.raises(InvalidInputError):
        log_loss([1.5], [1])


def test_the_standard_error_is_that_of_queries() -> None:
    """Against the spread of the difference over many draws of queries."""
    g = random.Random(1)

    def draw(n: int) -> tuple[list[float], list[float], list[float]]:
        sizes = [float(g.randint(5, 30)) for _ in range(n)]
        hard = [g.gauss(0, 1) for _ in range(n)]  # shared by both: cancels
        a = [s * (1 + h + g.gauss(0.1, 0.3)) for s, h in zip(sizes, hard, strict=True)]
        b = [s * (1 + h) for s, h in zip(sizes, hard, strict=True)]
        return a, b, sizes

    means = [ratio_difference(*draw(60)).mean for _ in range(400)]
    average = sum(means) / len(means)
    spread = math.sqrt(sum((m - average) ** 2 for m in means) / len(means))
    one = ratio_difference(*draw(2000))
    assert one.mean == pytest.approx(0.1, abs=0.03)
    assert one.standard_error * math.sqrt(2000 / 60) == pytest.approx(spread, rel=0.15)


def test_one_query_says_nothing_about_others() -> None:
    assert ratio_difference([2.0], [1.0], [4]) == (0.25, math.inf)
