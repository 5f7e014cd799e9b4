from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from secondpass.core.formulas import LEAST, logit, sigmoid


@given(st.floats(-13, 13))
def test_one_is_the_inverse_of_the_other(x: float) -> None:
    assert math.isclose(logit(sigmoid(x)), x, abs_tol=1e-8)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_sigmoid_never_overflows(x: float) -> None:
    assert 0 <= sigmoid(x) <= 1
    assert math.isclose(sigmoid(x) + sigmoid(-x), 1)


def test_certain_probabilities_have_finite_log_odds() -> None:
    assert logit(0.0) == logit(LEAST)
    assert logit(1.0) == logit(1 - LEAST)
