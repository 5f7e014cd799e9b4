"""A p-value of a true hypothesis is at most p no more often than p."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binom

from secondpass.thresholds.guarantee.p_values import betting, binomial, hoeffding_bentkus

pytestmark = pytest.mark.theory
Floats = npt.NDArray[np.float64]
REPEATS, RISK = 4000, 0.15

# losses whose mean is exactly RISK, so that "the risk is above it" is only just true
LOSSES: dict[str, Callable[[np.random.Generator, tuple[int, int]], Floats]] = {
    "0 or 1": lambda g, shape: (g.random(shape) < RISK).astype(float),
    "0 or one half": lambda g, shape: (g.random(shape) < 2 * RISK) / 2,
    "constant": lambda g, shape: np.full(shape, RISK),
    "beta": lambda g, shape: g.beta(0.3, 0.3 * (1 - RISK) / RISK, shape),
    "often small, seldom 1": lambda g, shape: np.where(g.random(shape) < 0.1, 1.0, 0.05 / 0.9),
}


@pytest.mark.parametrize("n", [30, 200])
@pytest.mark.parametrize("kind", list(LOSSES))
def test_p_values_are_valid_for_losses_of_any_shape(kind: str, n: int) -> None:
    losses = LOSSES[kind](np.random.default_rng(n), (REPEATS, n))
    means = losses.mean(axis=1)
    for level in (0.05, 0.1):
        allowed = binom.ppf(0.9999, REPEATS, level)
        assert (betting(losses, RISK - 1e-9, level) <= level).sum() <= allowed
        assert (hoeffding_bentkus(means, n, RISK - 1e-9) <= level).sum() <= allowed
        if kind == "0 or 1":
            found = (binomial(means, n, RISK - 1e-9) <= level).sum()
            assert found <= allowed


def test_betting_sees_what_hoeffding_and_bentkus_do_not() -> None:
    g = np.random.default_rng(0)
    losses = g.beta(1, 9, (1000, 100))  # mean 0.1, and little variance
    bet = (betting(losses, 0.13, 0.1) <= 0.1).mean()
    other = (hoeffding_bentkus(losses.mean(axis=1), 100, 0.13) <= 0.1).mean()
    assert bet > other + 0.4
