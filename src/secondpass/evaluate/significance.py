"""Is a mean difference over queries more than chance? All tests are seeded and vectorised."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from secondpass.core.errors import InvalidInputError, MissingExtraError

try:
    import numpy as np
    import numpy.typing as npt
    from scipy.stats import norm
except ImportError as error:
    raise MissingExtraError("statistics", "eval") from error

Floats = npt.NDArray[np.float64]
_BLOCK = 4_000_000
"""Numbers drawn at a time, so that thousands of queries fit into memory."""


class Interval(NamedTuple):
    """A confidence interval."""

    low: float
    high: float


def bootstrap_interval(
    values: Sequence[float],
    confidence: float = 0.95,
    *,
    method: Literal["bca", "percentile"] = "bca",
    resamples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Confidence interval of a mean, from resampled queries.

    ``bca`` corrects bias and skewness: Efron 1987, "Better Bootstrap Confidence Intervals".
    ``percentile`` does not: Sakai 2006, "Evaluating Evaluation Metrics based on the Bootstrap".

    Args:
        values: One per query, shape (n,).
        confidence: In (0, 1).
        method: ``bca`` or ``percentile``.
        resamples: Number of samples of n queries that are drawn.
        seed: The same seed gives the same interval.

    Raises:
        InvalidInputError: No value, one that is not finite, or an option out of range.
    """
    x = _check_values(values, resamples)
    if not 0 < confidence < 1 or method not in ("bca", "percentile"):
        raise InvalidInputError(
            f"confidence={confidence}, method={method!r}: confidence lies between 0 and 1, and the "
            'method is "bca" or "percentile"'
        )
    if np.ptp(x) == 0:
        return Interval(float(x[0]), float(x[0]))
    n, rng = len(x), np.random.default_rng(seed)
    block = max(1, _BLOCK // n)
    means = np.concatenate(
        [
            x[rng.integers(n, size=(min(block, resamples - start), n))].mean(axis=1)
            for start in range(0, resamples, block)
        ]
    )
    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    if method == "bca":
        tails = _bca(x, means, tails)
    low, high = np.quantile(means, tails)
    return Interval(float(low), float(high))


def _bca(x: Floats, means: Floats, tails: Floats) -> Floats:
    below = ((means < x.mean()).sum() + (means <= x.mean()).sum()) / (2 * len(means))
    below = min(max(below, 1 / len(means)), 1 - 1 / len(means))  # both ends would be infinite
    bias = norm.ppf(below)
    away = x - x.mean()  # the jackknife of a mean, up to a factor that cancels
    skew = (away**3).sum() / (6 * (away**2).sum() ** 1.5)
    z = bias + norm.ppf(tails)
    adjusted: Floats = norm.cdf(bias + z / (1 - skew * z))
    return adjusted


def randomisation_test(
    differences: Sequence[float], *, resamples: int = 20_000, seed: int = 0
) -> float:
    """Two-sided p-value of "the mean difference is 0", by flipping the signs of the differences.

    Under the hypothesis the two systems are exchangeable on each query, so each sign is as good
    as its opposite. Fisher's paired randomisation test, recommended for retrieval by Smucker,
    Allan and Carterette 2007, "A Comparison of Statistical Significance Tests for Information
    Retrieval Evaluation". All sign patterns are tried where there are no more than `resamples`;
    otherwise random ones, the observed one counted among them, so p is never 0.

    Args:
        differences: One per query, shape (n,). Those that are 0 do not matter.
        resamples: Maximum number of sign patterns.
        seed: The same seed gives the same p.

    Raises:
        InvalidInputError: No difference, one that is not finite, or too few resamples.
    """
    x = _check_values(differences, resamples)
    x = x[x != 0]
    n = len(x)
    if not n:
        return 1.0
    observed = abs(x.sum())
    # sums that differ by rounding only count as equal
    threshold = observed - 1e-9 * np.abs(x).sum()
    if 2**n <= resamples:
        patterns = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        return float((np.abs((2.0 * patterns - 1) @ x) >= threshold).mean())
    rng, extreme = np.random.default_rng(seed), 0
    block = max(1, _BLOCK // n)
    for start in range(0, resamples, block):
        flips = rng.integers(2, size=(min(block, resamples - start), n), dtype=np.int8)
        # sum of x with the flipped ones subtracted: total - 2 * flipped
        sums = x.sum() - 2 * (flips.astype(np.float64) @ x)
        extreme += int((np.abs(sums) >= threshold).sum())
    return (extreme + 1) / (resamples + 1)


def least_p(differences: Sequence[float]) -> float:
    """The smallest p that the randomisation test can give with these queries that differ."""
    n = sum(d != 0 for d in differences)
    return 1.0 if not n else 2.0 ** (1 - n)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values for several tests, which keep the chance of any false positive at alpha.

    Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure".
    """
    if any(not 0 <= p <= 1 for p in p_values):
        raise InvalidInputError(f"p-values lie in [0, 1], got {list(p_values)}")
    adjusted, most = [0.0] * len(p_values), 0.0
    for done, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        most = max(most, min(1.0, (len(p_values) - done) * p_values[i]))
        adjusted[i] = most
    return adjusted


def detectable_difference(
    differences: Sequence[float], alpha: float = 0.05, power: float = 0.8
) -> float:
    """The smallest true mean difference that this number of queries would show with this power.

    (z(1 - alpha / 2) + z(power)) * s / sqrt(n), the normal approximation, with the standard
    deviation s of these differences. Infinite with fewer than two queries.
    """
    x = np.asarray(differences, dtype=np.float64)
    if len(x) < 2:
        return math.inf
    z = norm.ppf(1 - alpha / 2) + norm.ppf(power)
    return float(z * x.std(ddof=1) / math.sqrt(len(x)))


def _check_values(values: Sequence[float], resamples: int) -> Floats:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not len(x) or not np.isfinite(x).all():
        raise InvalidInputError("give one finite number per query, for at least one query")
    if resamples < 100:
        raise InvalidInputError(f"resamples={resamples}: at least 100")
    return x
