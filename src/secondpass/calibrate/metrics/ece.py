"""How far stated probabilities are from observed relevance."""

from __future__ import annotations

from collections.abc import Sequence

from secondpass.calibrate.metrics.binning import binned
from secondpass.core.errors import InvalidInputError


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
    parts = binned(probabilities, labels, bins)
    return sum(abs(sum(b.probabilities) - sum(b.labels)) for b in parts) / len(labels)


def class_balanced_calibration_error(
    probabilities: Sequence[float], labels: Sequence[bool | int], bins: int = 15
) -> float:
    """The same distance where relevant and other pairs weigh one half each, in [0, 1].

    Of a hundred candidates a few are relevant, so the plain error is nearly all about pairs that
    nobody will read. Here the distance of a bin counts as often as its pairs turn up when a coin
    first decides between a relevant pair and another one:

        sum over bins of |predicted - observed| * (n1(bin) / n1 + n0(bin) / n0) / 2

    with n1 relevant and n0 other pairs. Distances are those of the data as it is, so calibrated
    probabilities still have an error of 0. Equal weight for each class: Nixon et al. 2019,
    "Measuring Calibration in Deep Learning" (arXiv 1904.01685); for rerankers see arXiv 2402.12276.

    Raises:
        InvalidInputError: One class only, or see `expected_calibration_error`.
    """
    parts = binned(probabilities, labels, bins)
    n = len(labels)
    relevant = sum(sum(b.labels) for b in parts)
    if not 0 < round(relevant) < n:
        raise InvalidInputError(
            f"all {n} labels are the same, and a class-balanced error weighs two classes; "
            "add queries that have both"
        )
    return sum(
        abs(b.predicted - b.observed)
        * (sum(b.labels) / relevant + (len(b.labels) - sum(b.labels)) / (n - relevant))
        / 2
        for b in parts
    )
