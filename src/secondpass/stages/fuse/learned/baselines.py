"""What learned weights are measured against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from secondpass.calibrate.calibration_data import pooled
from secondpass.calibrate.methods.platt import Platt
from secondpass.calibrate.metrics.log_loss import total_log_loss
from secondpass.core.errors import CalibrationError
from secondpass.core.logistic import sigmoid
from secondpass.core.ranking import Ranking
from secondpass.stages.fuse.learned.evidence import FusionBaseline, interval
from secondpass.stages.fuse.learned.ndcg import ndcg

Parts = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class OutOfFoldScores:
    """Scores from fits that had not seen their queries.

    Attributes:
        parts: Places of the queries in folds.
        labels: Whether each candidate is relevant, in the incoming order, of each query.
        scores: In the same order.
        is_probability: Whether the scores are log-odds.
    """

    parts: Parts
    labels: tuple[Sequence[bool], ...]
    scores: tuple[Sequence[float], ...]
    is_probability: bool

    @property
    def by_query(self) -> list[float]:
        """nDCG@10 of each query."""
        return [_ndcg(s, y) for s, y in zip(self.scores, self.labels, strict=True)]

    @property
    def ndcg(self) -> tuple[float, ...]:
        """Mean of each fold."""
        return _of_folds(self.by_query, self)

    @property
    def log_loss(self) -> tuple[float, ...]:
        """Of each fold, nats per pair; empty where scores are no log-odds."""
        if not self.is_probability:
            return ()
        said = [[sigmoid(s) for s in scores] for scores in self.scores]
        return tuple(_loss(said, self.labels, part) for part in self.parts)


def rival(
    name: str, rankings: Sequence[Ranking], said: Sequence[Ranking], learned: OutOfFoldScores
) -> FusionBaseline:
    """A fixed order of the same candidates.

    Args:
        name: For the table.
        rankings: What came in.
        said: What the rival made of each.
        learned: What it is compared with.
    """
    labels = learned.labels
    relevant = [
        {c.id for c, y in zip(r, one, strict=True) if y}
        for r, one in zip(rankings, labels, strict=True)
    ]
    by_query = [
        ndcg([id in good for id in s.ids], len(good))
        for s, good in zip(said, relevant, strict=True)
    ]
    able = [i for i, good in enumerate(relevant) if good]
    ours = learned.by_query
    gaps = [ours[i] - by_query[i] for i in able]
    return FusionBaseline(
        name, _of_folds(by_query, learned), _losses(said, relevant, learned), *interval(gaps)
    )


def _losses(
    said: Sequence[Ranking], relevant: Sequence[set[str]], learned: OutOfFoldScores
) -> tuple[float, ...]:
    """With Platt's calibrator of the other folds; empty where it gives no scores of its own."""
    whole = all(
        r.scale == "raw" and len(r) == len(y) for r, y in zip(said, learned.labels, strict=True)
    )
    if not whole or not learned.is_probability:
        return ()
    scores = [r.scores for r in said]
    labels = [[id in good for id in r.ids] for r, good in zip(said, relevant, strict=True)]
    found = []
    for part in learned.parts:
        others = sorted({*range(len(said))} - {*part})
        try:
            curve = Platt.fit(
                pooled([scores[i] for i in others]), pooled([labels[i] for i in others])
            )
        except CalibrationError:  # it ranks against the labels, so no calibrator stands behind it
            return ()
        p = [[curve.probability(s) for s in one] for one in scores]
        found.append(_loss(p, labels, part))
    return tuple(found)


def _loss(
    said: Sequence[Sequence[float]], labels: Sequence[Sequence[bool]], part: Sequence[int]
) -> float:
    y = pooled([labels[i] for i in part])
    return total_log_loss(pooled([said[i] for i in part]), y) / len(y)


def _of_folds(by_query: Sequence[float], learned: OutOfFoldScores) -> tuple[float, ...]:
    able = [[i for i in part if any(learned.labels[i])] for part in learned.parts]
    return tuple(fmean(by_query[i] for i in part) for part in able if part)


def _ndcg(scores: Sequence[float], labels: Sequence[bool]) -> float:
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    return ndcg([labels[i] for i in order], sum(labels))
