"""Probabilities from a score and the list that it stands in."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean

from secondpass.calibrate.methods import minimise_log_loss, prepare
from secondpass.core.errors import CalibrationError
from secondpass.core.formulas import sigmoid
from secondpass.core.printing import short_repr
from secondpass.core.ranking import Ranking

OF_PAIR = ("low", "high", "gap", "rank")
"""Never falling in the score, inside a list: the two ends of Beta's curve, minus the distance from
the best, and minus the logarithm of how many score higher."""
OF_LIST = ("best", "mean", "spread", "size", "query", "texts")
"""The list's best, mean and standard deviation of its scores, and three logarithms: the number of
candidates, the words of the query, and the mean words of the texts."""
PENALTY = 1e-4
"""Of the squared weights, in standard deviations: features of a list are few and go together."""


@short_repr
@dataclass(frozen=True, slots=True)
class InList:
    """P(relevant) = sigmoid(weights . features + bias), of a score and of the list around it.

    A score means more where the others of its list are far below it, and what counts as relevant
    differs between a short question and a long description of a topic: so besides the score
    (bent at both ends as in `Beta`) this sees its gap to the best, its rank, the best, mean and
    spread of the list, the number of candidates, and the length of query and texts. Inside a list
    the probability never falls as the score rises, and equal scores have equal ones; the order in
    which the candidates come does not matter. The same text has another probability in another
    list. A feature of the list outside the range that was seen in fitting counts as the nearest
    end of that range.

    Attributes:
        pair_weights: Of `OF_PAIR`, not negative.
        list_weights: Of `OF_LIST`.
        bias: The rest.
        centre: Mean of the scores that it was fitted on.
        spread: Their standard deviation.
        least: Of each feature of a list, in fitting.
        most: The same.
    """

    pair_weights: tuple[float, ...]
    list_weights: tuple[float, ...]
    bias: float
    centre: float
    spread: float
    least: tuple[float, ...]
    most: tuple[float, ...]

    def __post_init__(self) -> None:
        lengths = [len(self.pair_weights), len(self.list_weights), len(self.least), len(self.most)]
        if lengths != [len(OF_PAIR), *[len(OF_LIST)] * 3]:
            raise CalibrationError(
                f"InList has {len(OF_PAIR)} weights of pairs, and {len(OF_LIST)} weights, least "
                f"and most values of lists, not {lengths}"
            )
        if min(self.pair_weights) < 0 or not self.spread > 0:
            raise CalibrationError(
                "InList's weights of pairs are not negative and its spread is above 0: else a "
                "better score would have a lower probability"
            )

    @classmethod
    def fit(cls, rankings: Sequence[Ranking], relevant: Sequence[frozenset[str]]) -> InList:
        """Fit on raw scores and the ids of the relevant candidates.

        Args:
            rankings: One per judged query, of lists as long as those that it will see.
            relevant: For each the ids of its relevant candidates.

        Raises:
            CalibrationError: One class only, or scores ranked against the labels.
            MissingExtraError: scikit-learn is not installed.
        """
        import numpy as np

        rankings, relevant = zip(
            *((r, ids) for r, ids in zip(rankings, relevant, strict=True) if len(r)), strict=True
        )
        scores = [s for r in rankings for s in r.scores]
        labels = [c.id in ids for r, ids in zip(rankings, relevant, strict=True) for c in r]
        data = prepare(scores, labels)
        centre, spread = float(data.scores.mean()), float(data.scores.std()) or 1.0
        of_list = [_features_of_list(r, centre, spread) for r in rankings]
        rows = np.array(
            [
                [*pair, *whole]
                for r, whole in zip(rankings, of_list, strict=True)
                for pair in _features_of_pairs(r.scores, centre, spread)
            ]
        ).T
        means, deviations = rows.mean(1), rows.std(1)
        deviations[deviations == 0] = 1.0
        standard = np.vstack([(rows - means[:, None]) / deviations[:, None], np.ones(len(labels))])
        bounds = [(0.0, None)] * len(OF_PAIR) + [(None, None)] * (len(OF_LIST) + 1)
        *weights, bias = minimise_log_loss(
            standard, [0.0] * len(standard), bounds, data.targets, penalty=PENALTY
        )
        plain = np.array(weights) / deviations
        return cls(
            tuple(map(float, plain[: len(OF_PAIR)])),
            tuple(map(float, plain[len(OF_PAIR) :])),
            float(bias - plain @ means),
            centre,
            spread,
            tuple(map(min, zip(*of_list, strict=True))),
            tuple(map(max, zip(*of_list, strict=True))),
        )

    def probabilities(self, ranking: Ranking) -> list[float]:
        """P(relevant) of each candidate of a ranking with raw scores, best first."""
        if not len(ranking):
            return []
        whole = self.bias + sum(
            weight * min(max(value, least), most)
            for weight, value, least, most in zip(
                self.list_weights,
                _features_of_list(ranking, self.centre, self.spread),
                self.least,
                self.most,
                strict=True,
            )
        )
        worst_first = [
            sigmoid(whole + sum(w * x for w, x in zip(self.pair_weights, pair, strict=True)))
            for pair in reversed(_features_of_pairs(ranking.scores, self.centre, self.spread))
        ]
        return list(accumulate(worst_first, max))[::-1]  # not even rounding may change the order

    def outside(self, ranking: Ranking) -> list[str]:
        """Which features of a list are outside the range that was seen in fitting."""
        if not len(ranking):
            return []
        features = _features_of_list(ranking, self.centre, self.spread)
        return [
            name
            for name, value, least, most in zip(
                OF_LIST, features, self.least, self.most, strict=True
            )
            if not least <= value <= most
        ]


def _features_of_pairs(
    scores: Sequence[float], centre: float, spread: float
) -> list[tuple[float, ...]]:
    """`OF_PAIR` of each score."""
    rising = sorted(scores)
    best = rising[-1]
    features = []
    for score in scores:
        z = (score - centre) / spread
        higher = len(rising) - bisect_left(rising, math.nextafter(score, math.inf))
        features.append(
            (-_softplus(-z), _softplus(z), (score - best) / spread, -math.log1p(higher))
        )
    return features


def _features_of_list(ranking: Ranking, centre: float, spread: float) -> tuple[float, ...]:
    """`OF_LIST` of a ranking that is not empty."""
    scores = ranking.scores
    mean = fmean(scores)  # exact, so that the order in which they come does not matter
    return (
        (scores[0] - centre) / spread,
        (mean - centre) / spread,
        math.sqrt(fmean((score - mean) ** 2 for score in scores)) / spread,
        math.log(len(scores)),
        math.log1p(len(ranking.query.split())),
        math.log1p(fmean(len(c.text.split()) for c in ranking)),
    )


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))
