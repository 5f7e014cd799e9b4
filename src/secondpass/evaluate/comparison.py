"""Several contenders against one baseline: the differences, and what they say."""

from __future__ import annotations

import dataclasses
import math
import os
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from secondpass.core.errors import InvalidInputError
from secondpass.core.printing import format_table, short_repr
from secondpass.evaluate._evaluate import Evaluation, write_rows
from secondpass.evaluate._headroom import Headroom
from secondpass.evaluate.regressions import Regression

HelpsAnswer = Literal["helps", "hurts", "not shown"]


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDifference:
    """Contender minus baseline in one metric, over the same queries.

    Attributes:
        contender: Name.
        metric: Name.
        queries: Number of queries.
        baseline: The baseline's mean.
        mean: The contender's mean.
        difference: Mean difference, which is `mean - baseline`.
        low: Lower end of its confidence interval (of this difference alone).
        high: Upper end.
        p: Two-sided p-value of the paired randomisation test.
        p_corrected: The same after Holm's correction over all contenders and metrics tested.
        wins: Queries on which the contender is better.
        ties: Queries on which both are equal.
        losses: Queries on which it is worse.
        detectable: The smallest true difference that this number of queries would probably show.
        least_p: The smallest p that is possible with the queries that differ.
        alpha: Level below which `p_corrected` counts.
    """

    contender: str
    metric: str
    queries: int
    baseline: float
    mean: float
    difference: float
    low: float
    high: float
    p: float
    p_corrected: float
    wins: int
    ties: int
    losses: int
    detectable: float
    least_p: float
    alpha: float

    @property
    def answer(self) -> HelpsAnswer:
        """``helps`` or ``hurts`` where the corrected p is below alpha, else ``not shown``."""
        if self.p_corrected >= self.alpha:
            return "not shown"
        return "helps" if self.difference > 0 else "hurts"

    @property
    def sentence(self) -> str:
        """The verdict as a sentence."""
        numbers = (
            f"{self.metric} {self.baseline:.3f} to {self.mean:.3f}, difference "
            f"{self.difference:+.3f} [{self.low:+.3f}, {self.high:+.3f}], "
            f"p {format_p(self.p_corrected)}, "
            f"{self.queries} queries: {self.wins} better, {self.ties} equal, {self.losses} worse"
        )
        if self.answer != "not shown":
            return f"{self.contender} {self.answer}: {numbers}."
        return f"{self.contender}: no difference shown: {numbers}. {self._reason()}"

    def _reason(self) -> str:
        differing = self.wins + self.losses
        if differing == 0:
            return "It changes nothing here."
        if self.least_p >= self.alpha:
            return (
                f"Only {differing} queries differ, too few to show anything at this level; label "
                "more."
            )
        if not math.isfinite(self.detectable):
            return "One query shows nothing; label more."
        return (
            f"With these queries a true difference below {self.detectable:.3f} would probably "
            "not be seen."
        )


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What `compare` measured. Print it.

    Attributes:
        baseline: What the contenders were measured against.
        contenders: Their results by name.
        differences: For each contender and metric, contenders first.
        headroom: What the candidates allow, in the first metric.
        regressions: For each contender the queries on which it lost most, in the first metric.
        confidence: Of the intervals.
        notes: What a reader should know: queries left out, events, candidates of its own.
    """

    baseline: Evaluation
    contenders: Mapping[str, Evaluation]
    differences: tuple[PairedDifference, ...]
    headroom: Headroom
    regressions: Mapping[str, tuple[Regression, ...]] = field(repr=False)
    confidence: float
    notes: tuple[str, ...]

    def difference(self, contender: str, metric: str | None = None) -> PairedDifference:
        """One contender in one metric; the first metric if None.

        Raises:
            InvalidInputError: It was not compared.
        """
        for d in self.differences:
            if d.contender == contender and metric in (None, d.metric):
                return d
        raise InvalidInputError(
            f"{contender!r} was not compared in {metric or 'any metric'}; there are "
            f"{', '.join(self.contenders)} in {', '.join(self.baseline.values)}"
        )

    @property
    def verdicts(self) -> dict[str, str]:
        """One sentence for each contender, by the first metric."""
        return {name: self.difference(name).sentence for name in self.contenders}

    @property
    def limit(self) -> str:
        """What limits the best of them: the retriever or the order."""
        best = max(self._mean(e) for e in (self.baseline, *self._rerankers()))
        return self.headroom.sentence(best)

    def gap_closed(self, contender: str) -> float | None:
        """Share of the gap between the first stage and the best order that a contender closed."""
        return self.headroom.gap_closed(self._mean(self.contenders[contender]))

    def write(self, path: str | os.PathLike[str]) -> None:
        """Per-query results of baseline and contenders, as .jsonl or .csv.

        Raises:
            InvalidInputError: Another ending, or the file cannot be written.
        """
        write_rows(
            path, [row for e in (self.baseline, *self.contenders.values()) for row in e.rows()]
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, without the texts of documents or queries."""
        return {
            "collection": self.baseline.collection.name,
            "queries": len(self.baseline.collection),
            "baseline": {"name": self.baseline.name, "means": self.baseline.means},
            "contenders": {
                name: {
                    "means": e.means,
                    "seconds": e.latency,
                    "answer": self.difference(name).answer,
                    "verdict": self.verdicts[name],
                    "gap_closed": self.gap_closed(name),
                    "regressions": [
                        {"query_id": r.id, "before": r.before, "after": r.after}
                        for r in self.regressions[name]
                    ],
                }
                for name, e in self.contenders.items()
            },
            "differences": [
                dataclasses.asdict(d)
                | {
                    "answer": d.answer,
                    "detectable": d.detectable if math.isfinite(d.detectable) else None,
                }
                for d in self.differences
            ],
            "headroom": dataclasses.asdict(self.headroom),
            "limit": self.limit,
            "confidence": self.confidence,
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        head = ["contender", "metric", "baseline", "mean", "difference",
                f"{self.confidence:.0%} interval", "p", "p (Holm)", "better/equal/worse",
                "gap closed", "ms per query"]  # fmt: skip
        collection = self.baseline.collection
        parts = [
            f"{collection.name}, {len(collection)} queries, against {self.baseline.name}",
            format_table(head, [self._row(d) for d in self.differences]),
            "",
            self.limit,
            *self.verdicts.values(),
            *(f"note: {note}" for note in self.notes),
        ]
        for name, several in self.regressions.items():
            if several:
                parts += ["", f"{name}, worst regressions:", *map(str, several)]
        return "\n".join(parts)

    def _row(self, d: PairedDifference) -> list[str]:
        closed = self.gap_closed(d.contender) if d.metric == self.headroom.metric else None
        latency = self.contenders[d.contender].latency
        return [
            d.contender, d.metric, f"{d.baseline:.4f}", f"{d.mean:.4f}", f"{d.difference:+.4f}",
            f"[{d.low:+.4f}, {d.high:+.4f}]", format_p(d.p), format_p(d.p_corrected),
            f"{d.wins}/{d.ties}/{d.losses}", "" if closed is None else f"{closed:.0%}",
            f"{1000 * latency['p50']:.1f}" if latency else "",
        ]  # fmt: skip

    def _mean(self, evaluation: Evaluation) -> float:
        return statistics.fmean(evaluation.of(self.headroom.metric))

    def _rerankers(self) -> list[Evaluation]:
        """Contenders that only ordered the given candidates; others are not bound by them."""
        candidates = [set(t.ranking.ids) for t in self.baseline.collection]
        return [
            e
            for e in self.contenders.values()
            if all(ids.issuperset(r.ids) for ids, r in zip(candidates, e.rankings, strict=True))
        ]


def format_p(p: float) -> str:
    """A p-value that is never shown as 0."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
