"""Probabilities for an order: from each candidate's rank, and its probability before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from secondpass.calibrate.methods import minimise_log_loss, prepare
from secondpass.core.candidate import Candidate
from secondpass.core.errors import CalibrationError
from secondpass.core.formulas import logit, sigmoid
from secondpass.core.printing import short_repr
from secondpass.core.ranking import Ranking


@short_repr
@dataclass(frozen=True, slots=True)
class ByRank:
    """P(relevant) = sigmoid(bias - log_slope ln(1 + rank) - slope rank + incoming_slope logit(p)).

    A judge's order has no scores, but its first candidates are relevant more often than its last,
    and how often is learned here like any calibration. Where the pipeline had probabilities before
    the judge, they are the second feature: p tells a good list from a bad one, which a rank cannot.
    The order stays the judge's: where a lower rank would get a higher probability, neighbours
    share their mean (pool adjacent violators, Ayer et al. 1955).

    Attributes:
        log_slope: Not negative: how fast the first ranks fall; ranks count from 0.
        slope: Not negative: how fast all of them do.
        incoming_slope: Not negative; 0 where there is no incoming probability.
        bias: The log-odds of the first rank (with an incoming probability of one half).
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
            CalibrationError: One class only, lower ranks more often relevant, or a candidate
                without a mark of `incoming`.
            MissingExtraError: scikit-learn is not installed.
        """
        import numpy as np

        candidates = [c for r in rankings for c in r]
        ranks = [rank for r in rankings for rank in range(len(r))]
        labels = [c.id in ids for r, ids in zip(rankings, relevant, strict=True) for c in r]
        data = prepare([-float(rank) for rank in ranks], labels)
        log_odds = [0.0] * len(candidates)
        if incoming is not None:
            log_odds = [logit(_incoming_probability(c, incoming)) for c in candidates]
        rows = np.array(
            [
                [-math.log1p(rank) for rank in ranks],
                [-float(rank) for rank in ranks],
                log_odds,
                [1.0] * len(ranks),
            ]
        )
        falling = ((0, None), (0, None), (0, None), (None, None))
        log_slope, slope, weight, bias = minimise_log_loss(
            rows, (1.0, 0.0, 0.0, 0.0), falling, data.targets
        )
        return cls(log_slope, slope, weight if incoming else 0.0, bias, incoming)

    def probabilities(self, ranking: Ranking) -> list[float]:
        """P(relevant) of each candidate, best first, never rising along the order."""
        return _pool_adjacent_violators(
            [self._by_formula(rank, c) for rank, c in enumerate(ranking)]
        )

    def _by_formula(self, rank: int, candidate: Candidate) -> float:
        log_odds = 0.0
        if self.incoming is not None:
            log_odds = logit(_incoming_probability(candidate, self.incoming))
        fall = self.log_slope * math.log1p(rank) + self.slope * rank
        return sigmoid(self.bias - fall + self.incoming_slope * log_odds)


def _incoming_probability(candidate: Candidate, stage: str) -> float:
    for mark in reversed(candidate.trail):
        if mark.stage == stage and mark.score is not None:
            return mark.score
    raise CalibrationError(
        f"candidate {candidate.id!r} has no probability from {stage!r} in its trail, which this "
        "calibrator was fitted with; put that stage before the judge"
    )


def _pool_adjacent_violators(values: Sequence[float]) -> list[float]:
    blocks: list[tuple[float, int]] = []  # mean and size of each run that shares its mean
    for value in values:
        mean, size = value, 1
        while blocks and blocks[-1][0] < mean:
            before, n = blocks.pop()
            mean, size = (before * n + mean * size) / (n + size), n + size
        blocks.append((mean, size))
    return [mean for mean, size in blocks for _ in range(size)]
