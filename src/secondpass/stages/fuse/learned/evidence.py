"""Whether learned weights are worth it: cross-validated against fixed weights and each member."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev

from secondpass.calibrate.calibration_data import pooled
from secondpass.calibrate.methods.platt import Platt
from secondpass.calibrate.metrics.log_loss import total_log_loss
from secondpass.core.errors import CalibrationError
from secondpass.core.formulas import ndcg, sigmoid
from secondpass.core.printing import format_table, short_repr
from secondpass.core.ranking import Ranking

CONFIDENCE = 0.95


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class FusionBaseline:
    """A fixed way to order the same candidates, and how the learned one compares.

    Attributes:
        name: ``Fuse`` with equal weights, or one member.
        ndcg: Mean nDCG@10 of each fold.
        log_loss: Of each fold, nats per pair, with Platt's calibrator fitted on the other folds;
            empty where it gives no raw scores, or pooled ones that rank against the labels.
        difference: Mean over queries of the learned nDCG@10 minus this one's.
        low: Lower end of its 95 % interval, with the query as the sample.
        high: Upper end.
    """

    name: str
    ndcg: tuple[float, ...]
    log_loss: tuple[float, ...]
    difference: float
    low: float
    high: float


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class FusionEvidence:
    """What learning gains on queries that had no part in the fit, cross-validated by query.

    Attributes:
        method: ``logistic`` or ``lambdamart``.
        ndcg: Mean nDCG@10 of each fold, over its queries with a relevant candidate.
        log_loss: Of each fold, nats per pair; empty for LambdaMART, which gives no probabilities.
        baselines: Fixed weights, and each member alone.
        queries: Number of labelled queries.
        answerable: Number of them that have a relevant candidate.
        pairs: Number of their candidates.
        notes: What to know about the fit.
        weights: What was learned, by feature; see `LearnedFuse.weights`.
    """

    method: str
    ndcg: tuple[float, ...]
    log_loss: tuple[float, ...]
    baselines: tuple[FusionBaseline, ...]
    queries: int
    answerable: int
    pairs: int
    notes: tuple[str, ...]
    weights: Mapping[str, float] = field(default_factory=dict)

    @property
    def better(self) -> bool:
        """Whether it beats fixed weights and every single member beyond noise."""
        return all(b.low > 0 for b in self.baselines)

    @property
    def verdict(self) -> str:
        """One sentence."""
        if self.better:
            return "Learned weights are better than fixed ones and than every member alone."
        strongest = min(self.baselines, key=lambda b: b.difference)
        if strongest.high < 0:
            return f"Learned weights are worse than {strongest.name}; use that."
        names = ", ".join(b.name for b in self.baselines if b.low <= 0)
        return f"Learned weights are not shown to be better than {names}: no labels needed there."

    def __str__(self) -> str:
        rows: list[list[str | float | None]] = [
            ["learned", fmean(self.ndcg), _mean(self.log_loss), "", "", ""]
        ]
        rows += [
            [b.name, fmean(b.ndcg), _mean(b.log_loss), *_signed(b.difference, b.low, b.high)]
            for b in self.baselines
        ]
        head = ("", "nDCG@10", "log loss", "learned is", "from", "to")
        return "\n".join([
            f"{self.method}: {self.queries} queries ({self.answerable} with a relevant candidate), "
            f"{self.pairs} pairs, cross-validated by query in {len(self.ndcg)} folds",
            format_table(head, rows),
            self.verdict,
            *self.notes,
        ])  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfFoldScores:
    """Scores from fits that had not seen their queries.

    Attributes:
        folds: Indices of the queries in folds.
        labels: Whether each candidate is relevant, in the incoming order, of each query.
        scores: In the same order.
        is_probability: Whether the scores are log-odds.
    """

    folds: Sequence[Sequence[int]]
    labels: Sequence[Sequence[bool]]
    scores: Sequence[Sequence[float]]
    is_probability: bool

    def ndcg_by_query(self) -> list[float]:
        """nDCG@10 of each query."""
        values = []
        for scores, labels in zip(self.scores, self.labels, strict=True):
            order = sorted(range(len(scores)), key=lambda i: -scores[i])
            values.append(ndcg([labels[i] for i in order], sum(labels)))
        return values

    def fold_means(self, by_query: Sequence[float]) -> tuple[float, ...]:
        """Means over the queries of each fold that have a relevant candidate."""
        answerable = [[i for i in fold if any(self.labels[i])] for fold in self.folds]
        return tuple(fmean(by_query[i] for i in fold) for fold in answerable if fold)

    def log_loss(self) -> tuple[float, ...]:
        """Of each fold, nats per pair; empty where scores are not log-odds."""
        if not self.is_probability:
            return ()
        probabilities = [[sigmoid(s) for s in scores] for scores in self.scores]
        return tuple(_fold_loss(probabilities, self.labels, fold) for fold in self.folds)


def compare_to_baseline(
    name: str, rankings: Sequence[Ranking], results: Sequence[Ranking], learned: OutOfFoldScores
) -> FusionBaseline:
    """A fixed order of the same candidates against the learned one.

    Args:
        name: For the table.
        rankings: What came in.
        results: What the baseline made of each.
        learned: What it is compared with.
    """
    relevant = [
        {c.id for c, label in zip(r, labels, strict=True) if label}
        for r, labels in zip(rankings, learned.labels, strict=True)
    ]
    by_query = [
        ndcg([id in ids for id in r.ids], len(ids))
        for r, ids in zip(results, relevant, strict=True)
    ]
    of_learned = learned.ndcg_by_query()
    mean, low, high = t_interval(
        [of_learned[i] - by_query[i] for i, ids in enumerate(relevant) if ids]
    )
    return FusionBaseline(
        name=name,
        ndcg=learned.fold_means(by_query),
        log_loss=_calibrated_losses(results, relevant, learned),
        difference=mean,
        low=low,
        high=high,
    )


def t_interval(differences: Sequence[float]) -> tuple[float, float, float]:
    """Mean and its 95 % t interval. Folds share most of their fits, so it is a little narrow."""
    from scipy.stats import t

    mean, n = fmean(differences), len(differences)
    if n < 2:
        return mean, -math.inf, math.inf
    reach = float(t.ppf((1 + CONFIDENCE) / 2, n - 1)) * stdev(differences) / math.sqrt(n)
    return mean, mean - reach, mean + reach


def _calibrated_losses(
    results: Sequence[Ranking], relevant: Sequence[set[str]], learned: OutOfFoldScores
) -> tuple[float, ...]:
    """With Platt's calibrator of the other folds; empty where it gives no scores of its own."""
    whole = all(
        r.scale == "raw" and len(r) == len(y) for r, y in zip(results, learned.labels, strict=True)
    )
    if not whole or not learned.is_probability:
        return ()
    scores = [r.scores for r in results]
    labels = [[id in ids for id in r.ids] for r, ids in zip(results, relevant, strict=True)]
    losses = []
    for fold in learned.folds:
        others = sorted({*range(len(results))} - {*fold})
        try:
            platt = Platt.fit(
                pooled([scores[i] for i in others]), pooled([labels[i] for i in others])
            )
        except CalibrationError:  # it ranks against the labels, so no calibrator can follow it
            return ()
        probabilities = [[platt.probability(s) for s in of_query] for of_query in scores]
        losses.append(_fold_loss(probabilities, labels, fold))
    return tuple(losses)


def _fold_loss(
    probabilities: Sequence[Sequence[float]], labels: Sequence[Sequence[bool]], fold: Sequence[int]
) -> float:
    y = pooled([labels[i] for i in fold])
    return total_log_loss(pooled([probabilities[i] for i in fold]), y) / len(y)


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _signed(*values: float) -> list[str]:
    return [f"{value:+.4f}" for value in values]
