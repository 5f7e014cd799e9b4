"""Whether learned weights are worth it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from secondpass.core.short_repr import short_repr
from secondpass.core.text_table import format_table

CONFIDENCE = 0.95


@short_repr
@dataclass(frozen=True, slots=True)
class FusionBaseline:
    """A fixed way to order the same candidates, and the learned one against it.

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
@dataclass(frozen=True, slots=True)
class FusionEvidence:
    """What learning gains on queries that had no part in the fit, cross-validated by query.

    Attributes:
        method: ``logistic`` or ``lambdamart``.
        ndcg: Mean nDCG@10 of each fold, over its queries with a relevant candidate.
        log_loss: Of each fold, nats per pair; empty for LambdaMART, which gives no probabilities.
        rivals: Fixed weights, and each member alone.
        queries: How many labelled queries.
        answerable: How many of them have a relevant candidate.
        pairs: How many candidates they have.
        notes: What a person should know of the fit.
    """

    method: str
    ndcg: tuple[float, ...]
    log_loss: tuple[float, ...]
    rivals: tuple[FusionBaseline, ...]
    queries: int
    answerable: int
    pairs: int
    notes: tuple[str, ...]

    @property
    def better(self) -> bool:
        """Whether it beats fixed weights and every single member beyond noise."""
        return all(r.low > 0 for r in self.rivals)

    @property
    def verdict(self) -> str:
        """One sentence."""
        if self.better:
            return "Learned weights are better than fixed ones and than every member alone."
        worst = min(self.rivals, key=lambda r: r.difference)
        if worst.high < 0:
            return f"Learned weights are worse than {worst.name}; use that."
        named = ", ".join(r.name for r in self.rivals if r.low <= 0)
        return f"Learned weights are not shown to be better than {named}: no labels needed there."

    def __str__(self) -> str:
        rows: list[list[str | float | None]] = [
            ["learned", fmean(self.ndcg), _mean(self.log_loss), "", "", ""]
        ]
        rows += [
            [r.name, fmean(r.ndcg), _mean(r.log_loss), *_signed(r.difference, r.low, r.high)]
            for r in self.rivals
        ]
        head = ("", "nDCG@10", "log loss", "learned is", "from", "to")
        return "\n".join([
            f"{self.method}: {self.queries} queries ({self.answerable} with a relevant candidate), "
            f"{self.pairs} pairs, cross-validated by query in {len(self.ndcg)} folds",
            format_table(head, rows),
            self.verdict,
            *self.notes,
        ])  # fmt: skip


def interval(differences: Sequence[float]) -> tuple[float, float, float]:
    """Mean and its 95 % t interval. Folds share most of their fits, so it is a little narrow."""
    from scipy.stats import t

    mean, n = fmean(differences), len(differences)
    if n < 2:
        return mean, -math.inf, math.inf
    reach = float(t.ppf((1 + CONFIDENCE) / 2, n - 1)) * stdev(differences) / math.sqrt(n)
    return mean, mean - reach, mean + reach


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _signed(*values: float) -> list[str]:
    return [f"{value:+.4f}" for value in values]
