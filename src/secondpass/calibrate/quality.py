"""How good probabilities are."""

from __future__ import annotations

from collections.abc import Sequence

from secondpass.errors import InvalidInputError


def expected_calibration_error(
    probabilities: Sequence[float], labels: Sequence[bool | int], bins: int = 15
) -> float:
    """Mean distance between stated probability and observed relevance, in [0, 1].

    Bins hold equal numbers of pairs (equal mass), which is less biased than bins of equal width:
    Roelofs et al. 2022, "Mitigating Bias in Calibration Error Estimation" (arXiv 2012.08668).

    Args:
        probabilities: P(relevant), length n.
        labels: 0 or 1, length n.
        bins: Number of bins; fewer than n are used where n is small.

    Raises:
        InvalidInputError: Nothing to measure, lengths that differ, or numbers outside [0, 1].
    """
    p, y = _checked(probabilities, labels)
    tied: dict[float, list[int]] = {}
    for probability, label in zip(p, y, strict=True):
        tied.setdefault(probability, []).append(label)
    # a bin's border may split a tie: each of the tied then counts with their mean label, since
    # any order among them would be arbitrary
    pairs = [(q, sum(seen) / len(seen)) for q, seen in sorted(tied.items()) for _ in seen]
    n = len(pairs)
    error = 0.0
    for i in range(bins):
        part = pairs[i * n // bins : (i + 1) * n // bins]
        error += abs(sum(q for q, _ in part) - sum(label for _, label in part)) / n
    return error


def brier_score(probabilities: Sequence[float], labels: Sequence[bool | int]) -> float:
    """Mean squared difference between probability and label, in [0, 1]; lower is better.

    Brier 1950, "Verification of Forecasts Expressed in Terms of Probability".

    Raises:
        InvalidInputError: See `expected_calibration_error`.
    """
    p, y = _checked(probabilities, labels)
    return sum((a - b) ** 2 for a, b in zip(p, y, strict=True)) / len(p)


def _checked(
    probabilities: Sequence[float], labels: Sequence[bool | int]
) -> tuple[list[float], list[int]]:
    if len(probabilities) != len(labels) or not len(labels):
        raise InvalidInputError(
            f"{len(probabilities)} probabilities and {len(labels)} labels; give one label for each"
        )
    if not all(0 <= p <= 1 for p in probabilities) or not all(y in (0, 1) for y in labels):
        raise InvalidInputError("probabilities must be in [0, 1] and labels 0 or 1")
    return [float(p) for p in probabilities], [int(y) for y in labels]
