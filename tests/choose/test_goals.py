from __future__ import annotations

import math

import pytest

from secondpass import BestF, InvalidInputError, PrecisionAtLeast, RecallAtLeast
from secondpass.thresholds import CurvePoint, Outcome, TokensAtMost


def _point(threshold: float, precision: float | None, recall: float, tokens: float) -> CurvePoint:
    return CurvePoint(threshold, Outcome(precision, recall, None, None, 1.0, tokens, 0.0))


CURVE = [
    _point(0.0, 0.2, 1.0, 900),
    _point(0.3, 0.5, 0.9, 300),
    _point(0.4, 0.4, 0.8, 200),
    _point(0.6, 0.6, 0.6, 120),
    _point(0.7, 0.6, 0.6, 100),
    _point(0.9, None, 0.0, 0),
]


@pytest.mark.parametrize(
    ("goal", "place"),
    [
        (BestF(), 1),
        (BestF(beta=0.1), 4),
        (BestF(beta=10), 0),
        (PrecisionAtLeast(0.5), 1),
        (PrecisionAtLeast(0.55), 4),
        (PrecisionAtLeast(0.61), None),
        (RecallAtLeast(1.0), 0),
        (RecallAtLeast(0.7), 2),
        (RecallAtLeast(0.6), 4),
        (TokensAtMost(1000), 0),
        (TokensAtMost(150), 3),
        (TokensAtMost(0), 5),
    ],
)
def test_what_is_picked(goal, place: int | None) -> None:  # type: ignore[no-untyped-def]
    assert goal.pick(CURVE) == place


def test_what_is_reachable_instead() -> None:
    assert "the best precision is 0.600" in PrecisionAtLeast(0.9).reachable(CURVE)
    assert RecallAtLeast(0.9).pick(CURVE[2:]) is None
    assert "has recall 0.800" in RecallAtLeast(0.9).reachable(CURVE[2:])
    assert TokensAtMost(50).pick(CURVE[:5]) is None
    assert "the fewest are 100.0 tokens" in TokensAtMost(50).reachable(CURVE[:5])
    assert BestF().pick(CURVE[5:]) is None


@pytest.mark.parametrize("bad", [0, -1, 1.01, math.nan, math.inf, "0.5", None, True])
def test_goals_that_are_none(bad: object) -> None:
    for kind in (PrecisionAtLeast, RecallAtLeast):
        with pytest.raises(InvalidInputError, match="a share above 0"):
            kind(bad)  # type: ignore[arg-type]
    if bad not in (1.01, 0) or bad is True:
        with pytest.raises(InvalidInputError, match="a number"):
            TokensAtMost(bad)  # type: ignore[arg-type]
    if bad != 1.01 or bad is True:
        with pytest.raises(InvalidInputError, match="a number above 0"):
            BestF(bad)  # type: ignore[arg-type]
