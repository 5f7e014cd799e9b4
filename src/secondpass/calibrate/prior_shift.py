"""Probabilities for another base rate, found from unlabelled rankings alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secondpass.core.errors import CalibrationError, InvalidInputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

STEPS, CLOSE = 20_000, 1e-9


@dataclass(frozen=True, slots=True)
class PriorShift:
    """P(relevant) where another share of the candidates is relevant than in the fitted data.

    Bayes' rule with the new prior: the odds are multiplied by those of `new_rate` and divided by
    those of `fitted_rate`. The order stays.

    Attributes:
        fitted_rate: Share of relevant pairs where the calibrator was fitted.
        new_rate: The same where it is used now.
        standard_error: Of `new_rate`, with the ranking as the sample; None if you said it.
        rankings: How many unlabelled rankings it was estimated from; 0 if you said it.
        candidates: How many candidates they held.

    Raises:
        InvalidInputError: A rate that is not between 0 and 1.
    """

    fitted_rate: float
    new_rate: float
    standard_error: float | None = None
    rankings: int = 0
    candidates: int = 0

    def __post_init__(self) -> None:
        for rate in (self.fitted_rate, self.new_rate):
            if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < 1:
                raise InvalidInputError(f"{rate!r} is no base rate; give a share between 0 and 1")

    def __str__(self) -> str:
        moved = f"base rate {self.fitted_rate:.3g} -> {self.new_rate:.3g}"
        if self.standard_error is not None:
            moved += (
                f" (standard error {self.standard_error:.2g}, from {self.candidates} candidates "
                f"of {self.rankings} rankings)"
            )
        return f"{moved}: odds times {self.odds:.3g}"

    @property
    def odds(self) -> float:
        """What the odds of every candidate are multiplied with."""
        new, old = self.new_rate, self.fitted_rate
        return new / (1 - new) / (old / (1 - old))

    def correct(self, probability: float) -> float:
        """P(relevant) at the new base rate."""
        return probability * self.odds / (probability * self.odds + (1 - probability))

    @classmethod
    def estimate(cls, probabilities: Sequence[Sequence[float]], fitted_rate: float) -> PriorShift:
        """The base rate under which unlabelled probabilities are most likely.

        Expectation-maximisation: correct the probabilities with the present rate, take their mean
        as the next one. Saerens, Latinne and Decaestecker 2002, "Adjusting the Outputs of a
        Classifier to New a Priori Probabilities". The likelihood is concave in the rate, so
        there is one answer.

        It rests on one assumption: relevant candidates score as relevant ones did in the fitted
        data, and so do the others; only their shares differ. Harder topics or longer texts break
        it, no unlabelled data can show that, and the answer is then wrong: check with some labels.

        Args:
            probabilities: Of the candidates of each ranking, calibrated at `fitted_rate`.
            fitted_rate: Share of relevant pairs in the fitted data.

        Raises:
            CalibrationError: The estimate runs to 0 or 1, or the probabilities say nothing.
            InvalidInputError: No probability, or a rate that is none.
        """
        import numpy as np

        lengths = [len(p) for p in probabilities if len(p)]
        p = np.array([x for said in probabilities for x in said], dtype=np.float64)
        if not len(p) or not ((p >= 0) & (p <= 1)).all():
            raise InvalidInputError("there must be probabilities to estimate from, all in [0, 1]")
        cls(fitted_rate, fitted_rate)  # refuses what is no rate
        ratio = p / fitted_rate, (1 - p) / (1 - fitted_rate)
        rate = _most_likely(*ratio, start=fitted_rate)
        if not 0.5 / len(p) < rate < 1 - 0.5 / len(p):
            raise CalibrationError(
                f"the estimated base rate runs to {round(rate)}: these {len(p)} candidates look "
                f"{'all' if rate > 0.5 else 'not at all'} relevant to this calibrator, so the "
                "scores moved, not only the base rate. Label some queries and fit again with "
                "calibrated(stage, judged)"
            )
        slopes = (ratio[0] - ratio[1]) / (rate * ratio[0] + (1 - rate) * ratio[1])
        curvature = float(slopes @ slopes)  # of the log-likelihood, exactly, for such a mixture
        if curvature < 1e-9 * len(p):
            raise CalibrationError(
                "these probabilities are all about the fitted base rate; they say nothing about "
                "another one"
            )
        starts = np.cumsum([0, *lengths[:-1]])
        by_ranking = np.add.reduceat(slopes, starts)  # rankings, not candidates, are independent
        error = math.sqrt(float(by_ranking @ by_ranking)) / curvature
        return cls(fitted_rate, rate, error, len(probabilities), len(p))


def _most_likely(relevant: Floats, other: Floats, start: float) -> float:
    rate = start
    for _ in range(STEPS):
        weight = rate * relevant
        following = float((weight / (weight + (1 - rate) * other)).mean())
        if abs(following - rate) < CLOSE * max(rate, CLOSE):
            break
        rate = following
    return rate
