"""P-values of "the risk is above the level", from the losses of independent queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from secondpass.core.errors import MissingExtraError

if TYPE_CHECKING:
    from secondpass.thresholds.guarantee.risk import Floats


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
    found: Floats = np.minimum(np.exp(-n * divergence), np.e * binomial(means, n, at_most))
    return found


def fewest_queries(at_most: float, level: float) -> int:
    """How many queries it takes to promise anything, even where no loss is ever seen.

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
