"""Probabilities from a score and the list that it stands in."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean

from secondpass.calibrate.methods import minimise_log_loss, prepare
from secondpass.core.errors import InvalidInputError
from secondpass.core.formulas import sigmoid
from secondpass.core.printing import short_repr
from secondpass.core.ranking import Ranking

OF_PAIR = ("low", "high", "gap", "rank")
"""Never falling in the score, inside a list: the two ends of Beta's curve, minus the distance from
the best, and minus the logarithm of how many score higher."""
OF_LIST = ("best", "mean", "deviation", "size", "query_words", "text_words")
"""The best, mean and standard deviation of the list's scores, and three logarithms: the number of
candidates, the words of the query, and the mean words of the texts."""
POINTWISE = ("low", "high", "query_words")
"""Those that do not depend on the other candidates."""
PENALTY = 1e-4
"""Of the squared weights, in standard deviations: features of a list are few and go together."""


@short_repr
@dataclass(frozen=True, slots=True)
class InList:
    """P(relevant) = sigmoid(weights . features + bias), of a score and of the list around it.

    A score means more where the others of its list are far below it, and what counts as relevant
    differs between a short question and a long description of a topic: so besides the score
    (bent at both ends as in `Beta`) this sees its gap to the best, its rank, the best, mean and
    deviation of the list, the number of candidates, and the length of query and texts. Inside a
    list the probability never falls as the score rises, and equal scores have equal ones; the
    order in which the candidates come does not matter. The same text has another probability in
    another list. A feature of the list outside the range that was seen in fitting counts as the
    nearest end of that range.

    Attributes:
        features: Names out of `OF_PAIR` and `OF_LIST`.
        weights: Of each, not negative for `OF_PAIR`.
        bias: The rest.
        centre: Mean of the scores that it was fitted on.
        spread: Their standard deviation.
        least: Of each feature, in fitting; for those of a pair nothing is cut.
        most: The same.

    Raises:
        InvalidInputError: Numbers with which a better score could have a lower probability.
    """

    features: tuple[str, ...]
    weights: tuple[float, ...]
    bias: float
    centre: float
    spread: float
    least: tuple[float, ...]
    most: tuple[float, ...]

    def __post_init__(self) -> None:
        _check_features(self.features)
        for name in ("weights", "least", "most"):
            if len(getattr(self, name)) != len(self.features):
                raise InvalidInputError(
                    f"InList has {len(self.features)} features and "
                    f"{len(getattr(self, name))} {name}; give one for each"
                )
        falls = [
            name
            for name, weight in zip(self.features, self.weights, strict=True)
            if name in OF_PAIR and not weight >= 0
        ]
        if falls or not self.spread > 0:
            raise InvalidInputError(
                f"InList would turn the order round: the weights of {', '.join(OF_PAIR)} are not "
                f"negative, and the spread is above 0, not {self.spread}"
            )

    @classmethod
    def fit(
        cls,
        rankings: Sequence[Ranking],
        relevant: Sequence[frozenset[str]],
        features: Sequence[str] = OF_PAIR + OF_LIST,
    ) -> InList:
        """Fit on raw scores and the ids of the relevant candidates.

        Args:
            rankings: One per judged query, of lists as long as those that it will see.
            relevant: For each the ids of its relevant candidates.
            features: What it may see; ("low", "high") is `Beta`.

        Raises:
            CalibrationError: One class only, or scores ranked against the labels.
            InvalidInputError: An unknown feature.
            MissingExtraError: scikit-learn is not installed.
        """
        import numpy as np

        _check_features(features)
        known = [(r, ids) for r, ids in zip(rankings, relevant, strict=True) if len(r)]
        data = prepare(
            [score for r, _ in known for score in r.scores],
            [c.id in ids for r, ids in known for c in r],
        )
        centre, spread = float(data.scores.mean()), float(data.scores.std()) or 1.0
        rows = np.array(
            [
                [values[name] for name in features]
                for r, _ in known
                for values in _values(r, centre, spread)
            ]
        ).T
        means, deviations = rows.mean(1), rows.std(1)
        deviations[deviations < 1e-9] = 1.0  # of what never differed
        standard = np.vstack(
            [(rows - means[:, None]) / deviations[:, None], np.ones_like(data.scores)]
        )
        bounds = [(0.0 if name in OF_PAIR else None, None) for name in features]
        *weights, bias = minimise_log_loss(
            standard,
            [0.0] * len(standard),
            [*bounds, (None, None)],
            data.targets,
            penalty=PENALTY,
        )
        plain = np.array(weights) / deviations
        return cls(
            tuple(features),
            tuple(map(float, plain)),
            float(bias - plain @ means),
            centre,
            spread,
            tuple(map(float, rows.min(1))),
            tuple(map(float, rows.max(1))),
        )

    @property
    def pointwise(self) -> bool:
        """Whether a probability depends on query, text and score only."""
        return set(self.features) <= set(POINTWISE)

    def probabilities(self, ranking: Ranking) -> list[float]:
        """P(relevant) of each candidate of a ranking with raw scores, best first."""
        if not len(ranking):
            return []
        worst_first = [
            sigmoid(self.bias + sum(self._weighted(values)))
            for values in reversed(_values(ranking, self.centre, self.spread))
        ]
        return list(accumulate(worst_first, max))[::-1]  # not even rounding may change the order

    def outside(self, ranking: Ranking) -> list[str]:
        """Which features of a list are outside the range that was seen in fitting."""
        if not len(ranking):
            return []
        values = _values(ranking, self.centre, self.spread)[0]
        ranges = zip(self.features, self.least, self.most, strict=True)
        return [n for n, least, most in ranges if n in OF_LIST and not least <= values[n] <= most]

    def _weighted(self, values: dict[str, float]) -> list[float]:
        return [
            weight * (values[name] if name in OF_PAIR else min(max(values[name], least), most))
            for name, weight, least, most in zip(
                self.features, self.weights, self.least, self.most, strict=True
            )
        ]


def _check_features(features: Sequence[str]) -> None:
    unknown = sorted(set(features) - {*OF_PAIR, *OF_LIST})
    if unknown or len(set(features)) < len(features) or not {*features} & {"low", "high"}:
        raise InvalidInputError(
            f"InList's features are low or high, and any others of {', '.join(OF_PAIR + OF_LIST)}, "
            f"each once, not {', '.join(map(str, features)) or 'none'}"
        )


def _values(ranking: Ranking, centre: float, spread: float) -> list[dict[str, float]]:
    """The features of each candidate of a ranking that is not empty, best first."""
    scores = ranking.scores
    mean = fmean(scores)  # exact, so that the order in which they come does not matter
    of_list = {
        "best": (scores[0] - centre) / spread,
        "mean": (mean - centre) / spread,
        "deviation": math.sqrt(fmean((score - mean) ** 2 for score in scores)) / spread,
        "size": math.log(len(scores)),
        "query_words": math.log1p(len(ranking.query.split())),
        "text_words": math.log1p(fmean(len(c.text.split()) for c in ranking)),
    }
    rising = sorted(scores)
    features = []
    for score in scores:
        z = (score - centre) / spread
        features.append(
            {
                "low": -_softplus(-z),
                "high": _softplus(z),
                "gap": (score - scores[0]) / spread,
                "rank": -math.log1p(len(rising) - bisect_right(rising, score)),
                **of_list,
            }
        )
    return features


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))
