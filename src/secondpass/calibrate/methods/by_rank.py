"""Probabilities for an order: from the place of each candidate, and what was known before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from secondpass.calibrate.methods import checked, minimised
from secondpass.core.candidate import Candidate
from secondpass.core.errors import CalibrationError
from secondpass.core.logistic import logit, sigmoid
from secondpass.core.ranking import Ranking
from secondpass.core.short_repr import short_repr


@short_repr
@dataclass(frozen=True, slots=True)
class ByRank:
    """P(relevant) = sigmoid(bias - log_slope ln(1 + rank) - slope rank + incoming_slope logit(p)).

    A judge's order has no scores, but its first places are relevant more often than its last, and
    how often is learned here like any calibration. Where the pipeline had probabilities before the
    judge, they are the second feature: p tells a good list from a bad one, which a rank cannot.
    The order stays the judge's: where a lower place would get a higher probability, neighbours
    share their mean (pool adjacent violators, Ayer et al. 1955).

    Attributes:
        log_slope: Not negative: how fast the first places fall; ranks count from 0.
        slope: Not negative: how fast all of them do.
        incoming_slope: Not negative; 0 where there is no incoming probability.
        bias: The log-odds of the first place (with an incoming probability of one half).
        incoming: Name of the stage whose probabilities came in; None if there was none.
    """

    log_slope: float
    slope: float
    incoming_slope: float
    bias: float
    incoming: str | None

    @classmethod
    def fit(
        cls, rankings: Sequence[Ranking], relevant: Sequence[frozenset[str]], incoming: str | None
    ) -> ByRank:
        """Fit on orders and the ids of their relevant candidates.

        Args:
            rankings: Orders with a trail, one per judged query.
            relevant: For each the ids of its relevant candidates.
            incoming: Name of the stage that gave probabilities before the judge, if one did.

        Raises:
            CalibrationError: One class only, lower places more often relevant, or a candidate
                without a mark of `incoming`.
            MissingExtraError: scikit-learn is not installed.
        """
        import numpy as np

        pairs = [(place, c) for r in rankings for place, c in enumerate(r)]
        labels = [c.id in ids for r, ids in zip(rankings, relevant, strict=True) for c in r]
        data = checked([-float(place) for place, _ in pairs], labels)
        places = [place for place, _ in pairs]
        known = [0.0] * len(pairs)
        if incoming is not None:
            known = [logit(_probability(c, incoming)) for _, c in pairs]
        rows = np.array(
            [
                [-math.log1p(r) for r in places],
                [-float(r) for r in places],
                known,
                [1.0] * len(known),
            ]
        )
        falling = ((0, None), (0, None), (0, None), (None, None))
        log_slope, slope, weight, bias = minimised(
            rows, (1.0, 0.0, 0.0, 0.0), falling, data.targets
        )
        return cls(log_slope, slope, weight if incoming else 0.0, bias, incoming)

    def probabilities(self, ranking: Ranking) -> list[float]:
        """P(relevant) of each candidate, best first, never rising along the order."""
        said = [self._one(place, c) for place, c in enumerate(ranking)]
        return _never_rising(said)

    def _one(self, place: int, candidate: Candidate) -> float:
        known = 0.0 if self.incoming is None else logit(_probability(candidate, self.incoming))
        fall = self.log_slope * math.log1p(place) + self.slope * place
        return sigmoid(self.bias - fall + self.incoming_slope * known)


def _probability(candidate: Candidate, stage: str) -> float:
    for mark in reversed(candidate.trail):
        if mark.stage == stage and mark.score is not None:
            return mark.score
    raise CalibrationError(
        f"candidate {candidate.id!r} has no probability from {stage!r} in its trail, which this "
        "calibrator was fitted with; put that stage before the judge"
    )


def _never_rising(values: Sequence[float]) -> list[float]:
    blocks: list[tuple[float, int]] = []  # mean and size of each run of equal values
    for value in values:
        mean, size = value, 1
        while blocks and blocks[-1][0] < mean:
            before, n = blocks.pop()
            mean, size = (before * n + mean * size) / (n + size), n + size
        blocks.append((mean, size))
    return [mean for mean, size in blocks for _ in range(size)]
