"""Several contenders against one baseline, all of it in one value."""

from __future__ import annotations

import dataclasses
import os
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from secondpass.core.errors import InvalidInputError
from secondpass.core.short_repr import short_repr
from secondpass.core.text_table import format_table
from secondpass.evaluate.evaluation import Evaluation
from secondpass.evaluate.formats.write import write_rows
from secondpass.evaluate.headroom import Headroom
from secondpass.evaluate.paired_difference import PairedDifference, shown_p
from secondpass.evaluate.regressions import Regression


@short_repr
@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare` found. Print it.

    Attributes:
        baseline: What the contenders were measured against.
        contenders: Their results by name.
        differences: For each contender and metric, contenders first.
        headroom: What the candidates allow, in the first metric.
        hurt: For each contender the queries it hurt most, in the first metric.
        confidence: Of the intervals.
        notes: What a reader should know: queries left out, events, own candidates.
    """

    baseline: Evaluation
    contenders: Mapping[str, Evaluation]
    differences: tuple[PairedDifference, ...]
    headroom: Headroom
    hurt: Mapping[str, tuple[Regression, ...]] = field(repr=False)
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
        """What holds the best of them back: the retriever or the order."""
        metric = self.headroom.metric
        every = (self.baseline, *self._reranking())
        return self.headroom.sentence(max(statistics.fmean(e.of(metric)) for e in every))

    def closed(self, contender: str) -> float | None:
        """Share of the gap between the first stage and the best order that a contender closed."""
        evaluation = self.contenders[contender]
        return self.headroom.closed(statistics.fmean(evaluation.of(self.headroom.metric)))

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
                    "gap_closed": self.closed(name),
                    "hurt_most": [
                        {"query_id": h.id, "before": h.before, "after": h.after}
                        for h in self.hurt[name]
                    ],
                }
                for name, e in self.contenders.items()
            },
            "differences": [
                dataclasses.asdict(d) | {"answer": d.answer, "detectable": _finite(d.detectable)}
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
                "gap closed", "ms a query"]  # fmt: skip
        rows = [self._row(d) for d in self.differences]
        collection = self.baseline.collection
        parts = [
            f"{collection.name}, {len(collection)} queries, against {self.baseline.name}",
            format_table(head, rows),
            "",
            self.limit,
            *self.verdicts.values(),
            *(f"note: {note}" for note in self.notes),
        ]
        for name, several in self.hurt.items():
            if several:
                parts += ["", f"{name} hurt these most:", *map(str, several)]
        return "\n".join(parts)

    def _row(self, d: PairedDifference) -> list[str]:
        closed = self.closed(d.contender) if d.metric == self.headroom.metric else None
        latency = self.contenders[d.contender].latency
        return [
            d.contender, d.metric, f"{d.baseline:.4f}", f"{d.mean:.4f}", f"{d.difference:+.4f}",
            f"[{d.low:+.4f}, {d.high:+.4f}]", shown_p(d.p), shown_p(d.p_corrected),
            f"{d.wins}/{d.ties}/{d.losses}", "" if closed is None else f"{closed:.0%}",
            f"{1000 * latency['p50']:.1f}" if latency else "",
        ]  # fmt: skip

    def _reranking(self) -> list[Evaluation]:
        """Contenders that only ordered the given candidates; others are not bound by them."""
        given = [set(t.ranking.ids) for t in self.baseline.collection]
        return [
            e
            for e in self.contenders.values()
            if all(g.issuperset(r.ids) for g, r in zip(given, e.rankings, strict=True))
        ]


def _finite(value: float) -> float | None:
    return value if value < float("inf") else None
