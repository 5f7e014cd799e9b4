from __future__ import annotations

import math
import random

import pytest

from secondpass import (
    Beta,
    CalibrationError,
    InvalidInputError,
    Isotonic,
    JudgedQuery,
    Order,
    Platt,
    Recipe,
    Stage,
    calibrated,
)
from secondpass.calibrate.calibration_data import observe
from secondpass.calibrate.cross_validation import make_folds, predict_held_out
from secondpass.testing import FakeJudge


def _drawn(n: int, curve, seed: int = 0) -> list[JudgedQuery]:  # type: ignore[no-untyped-def]
    """Queries whose true P(relevant) is `curve` of the score."""
    g = random.Random(seed)
    found = []
    for q in range(n):
        scores = [g.uniform(-4, 4) for _ in range(20)]
        relevant = [str(i) for i, s in enumerate(scores) if g.random() < curve(s)]
        found.append(JudgedQuery.of(f"q{q}", [repr(s) for s in scores], relevant))
    return found


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize(
    ("curve", "queries", "expected"),
    [
        (lambda s: _sigmoid(s / 2), 30, "Temperature"),
        (lambda s: _sigmoid(s - 2), 30, "Platt"),
        (Beta(0.2, 2.5, -2.0, 0.0, 1.0).probability, 60, "Beta"),
        (lambda s: 0.02 if s < 0 else 0.5 if s < 2.5 else 0.95, 60, "Isotonic"),
    ],
)
def test_it_takes_the_simplest_that_fits(number: Stage, curve, queries: int, expected: str) -> None:  # type: ignore[no-untyped-def]
    """In most draws: by chance one parameter more looks better by a standard error."""
    made = []
    for seed in range(5):
        evidence = calibrated(number, _drawn(queries, curve, seed), method="auto").evidence
        choice = evidence.choice
        assert choice is not None
        made.append(choice.chosen)
        assert type(evidence.calibrator).__name__ == choice.chosen
        assert choice.behind[choice.chosen] <= choice.standard_error[choice.chosen]
        assert min(choice.behind.values()) == 0
        assert f"{choice.chosen}: the simplest within one standard error" in str(evidence)
    assert made.count(expected) >= 3, made


def test_the_choice_is_kept_in_the_recipe(number: Stage) -> None:
    fitted = calibrated(number, _drawn(40, lambda s: _sigmoid(s - 2)), method="auto").pipeline[-1]
    again = Recipe.of_dict(Recipe.of(fitted).to_dict()).stage()
    assert again.choice == fitted.choice  # type: ignore[attr-defined]
    assert again.base_rate == fitted.base_rate  # type: ignore[attr-defined]


def test_orders_keep_by_rank_and_a_named_method_has_no_choice(number: Stage) -> None:
    judged = _drawn(20, _sigmoid)
    judge = Order(FakeJudge(lambda q, t: float(t), name="judge@1"))
    assert repr(calibrated(judge, judged, method="auto").pipeline) == "judge@1 >> ByRank"
    assert calibrated(number, judged).evidence.choice is None


def test_bad_methods_and_too_few_queries(number: Stage) -> None:
    with pytest.raises(InvalidInputError, match="give a calibrator"):
        calibrated(number, _drawn(5, _sigmoid), method="best")  # type: ignore[arg-type]
    with pytest.raises(CalibrationError, match="two different queries"):
        calibrated(number, _drawn(1, _sigmoid), method="auto")
    lone = [
        JudgedQuery.of("a", ["1", "2"], ["1"]),
        *(JudgedQuery.of(q, ["1", "2"], []) for q in "bc"),
    ]
    with pytest.raises(CalibrationError, match="cross-validation over 3 folds of 3 queries"):
        calibrated(number, lone, method="auto")


def test_held_out_probabilities_come_from_other_queries(number: Stage) -> None:
    """A query whose labels are turned around cannot move its own probabilities."""
    judged = _drawn(10, _sigmoid)
    turned = [*judged[:-1], JudgedQuery(judged[-1].ranking, frozenset(judged[-1].ranking.ids))]
    for method in (Platt, Isotonic):
        first, second = observe(number, judged), observe(number, turned)
        parts = make_folds(first, 5)
        mine = next(part for part in parts if 9 in part)
        a, b = predict_held_out(first, method, parts), predict_held_out(second, method, parts)
        assert all(a[i] == b[i] for i in mine)
        assert any(a[i] != b[i] for i in range(10) if i not in mine)
