"""P-values of "the risk is above the level", from the losses of independent queries.

`betting` is the tightest of them for losses between 0 and 1: it tests by betting, tuned to reach
significance by the last query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from secondpass.core.errors import MissingExtraError

if TYPE_CHECKING:
    from secondpass.thresholds.guarantee.risk import Floats

_PRIOR = 10.0  # the number of queries that the first guess of the variance weighs; any is valid


def binomial(means: Floats, n: int, at_most: float) -> Floats:
    """Exact, for losses that are 0 or 1.

    Args:
        means: Mean losses, any shape.
        n: Number of queries.
        at_most: The level, in (0, 1).
    """
    # a mean times n is a whole number but for rounding, which must not add one to it
    return _binomial_tail(np.ceil(np.asarray(means) * n - 1e-9), n, at_most)


def hoeffding_bentkus(means: Floats, n: int, at_most: float) -> Floats:
    """For any losses in [0, 1]: the smaller of Hoeffding's and Bentkus' p-value.

    Both bound the chance of so small a mean, so their minimum does. Bates et al. 2021,
    "Distribution-Free, Risk-Controlling Prediction Sets" (arXiv 2101.02703); Angelopoulos et al.
    2021, "Learn then Test" (arXiv 2110.01052), section 3.2. Arguments as in `binomial`.
    """
    r = np.minimum(np.asarray(means, dtype=np.float64), at_most)
    divergence = r * np.log(np.where(r > 0, r, at_most) / at_most)
    divergence += (1 - r) * np.log((1 - r) / (1 - at_most))
    p: Floats = np.minimum(np.exp(-n * divergence), np.e * binomial(means, n, at_most))
    return p


def betting(losses: Floats, at_most: float, level: float) -> Floats:
    """P-values by testing by betting, for any losses in [0, 1].

    Start with a wealth of 1. Before each query, stake a part of it (chosen from the queries before
    alone) on its loss being below `at_most`. If the risk is above `at_most`, the
    game is unfair and the wealth ever reaches 1 / p with a probability of p at most (Ville's
    inequality), whatever the stakes; so p = 1 / the greatest wealth. Waudby-Smith & Ramdas 2020,
    "Estimating means of bounded random variables by betting" (arXiv 2010.09686).

    Only the stakes decide how tight it is. The aim is 1 / `level` by the last query, no more and
    no sooner, so they are those that reach a goal by a deadline (Browne 1999, "Reaching goals by a
    deadline": the hedge of a digital option), with the variance seen so far; Voráček & Orabona
    2025, "STaR-Bets" (arXiv 2505.22422), recalculate the target in the same spirit. Where losses
    vary little, this needs far fewer queries than Hoeffding-Bentkus.

    Args:
        losses: Shape (m, n): for m thresholds the losses of n queries, in an order that does not
            depend on the labels.
        at_most: The level of the risk, in (0, 1).
        level: The p-value to aim at.

    Returns:
        Shape (m,).
    """
    try:
        from scipy.special import ndtri
    except ImportError as error:
        raise MissingExtraError("a guarantee", "eval") from error
    rounds = np.ascontiguousarray(losses.T)
    n, m = rounds.shape
    steady = np.sqrt(2 * np.pi) * _deviations(rounds, at_most)
    all_in = 1 / (1 - at_most)  # more could lose more than there is
    # of the goal: what a faultless rest, all in, would make it
    enough = np.exp(np.arange(n - 1, -1, -1) * np.log1p(-at_most)).tolist()
    gains = at_most - rounds
    wealth, greatest = np.ones(m), np.ones(m)
    for i in range(n):
        reached = wealth * level
        share = np.minimum(np.maximum(reached, 1e-12), 1 - 1e-12)
        quantile = ndtri(share)
        stake = np.exp(-0.5 * quantile * quantile) / (share * steady[i])
        # never so little that even the faultless rest would miss the goal
        needed = enough[i] / np.maximum(reached, 1e-300)
        stake = np.minimum(np.maximum(stake, (needed - 1) * ((1 + 1e-12) / at_most)), all_in)
        stake[reached >= 1] = 0.0
        wealth = wealth * np.maximum(1 + stake * gains[i], 0.0)
        greatest = np.maximum(greatest, wealth)
    return 1 / greatest


def fewest_queries(at_most: float, level: float) -> int:
    """Number of queries needed to promise anything, even where no loss is ever seen.

    No test can do with fewer: a risk just above `at_most` shows n losses of 0 with the
    probability (1 - at_most)^n, which must not exceed `level`.
    """
    return int(np.ceil(np.log(level) / np.log1p(-at_most) - 1e-9))


def _binomial_tail(k: Floats, n: int, p: float) -> Floats:
    try:
        from scipy.special import betainc
    except ImportError as error:
        raise MissingExtraError("a guarantee", "eval") from error
    inside: Floats = betainc(n - np.minimum(k, n - 1), np.minimum(k, n - 1) + 1, 1 - p)
    return np.where(k >= n, 1.0, inside)


def _deviations(rounds: Floats, at_most: float) -> Floats:
    """Standard deviation of all losses still to come, guessed before each round from those before.

    Args:
        rounds: Losses, shape (n, m), a round a row.
        at_most: The level of the risk.
    """
    n, m = rounds.shape
    before = np.arange(n)[:, None]
    total, squares = np.zeros((n, m)), np.zeros((n, m))
    np.cumsum(rounds[:-1], axis=0, out=total[1:])
    np.cumsum(rounds[:-1] ** 2, axis=0, out=squares[1:])
    mean = (_PRIOR * at_most + total) / (_PRIOR + before)
    spread = squares - mean * (2 * total - before * mean) + _PRIOR * at_most * (1 - at_most)
    deviations: Floats = np.sqrt(spread / (_PRIOR + before) * (n - before))
    return deviations
