"""What one contender achieved on each query of a collection."""

from __future__ import annotations

import os
import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from secondpass.core.errors import InvalidInputError
from secondpass.core.ranking import Ranking
from secondpass.core.short_repr import short_repr
from secondpass.core.text_table import format_table
from secondpass.core.timing import percentile
from secondpass.evaluate.collection import Collection
from secondpass.evaluate.formats.write import write_rows


@short_repr
@dataclass(frozen=True, slots=True)
class Evaluation:
    """One contender's results, query by query.

    Attributes:
        name: The contender's.
        collection: What it was evaluated on.
        values: For each metric one value per query, in the collection's order.
        rankings: What it returned, one per query.
        seconds: What each query took; where several ran at once, their share of the time. Empty
            where nothing was run, as for the first stage's own order.
    """

    name: str
    collection: Collection = field(repr=False)
    values: Mapping[str, tuple[float, ...]] = field(repr=False)
    rankings: tuple[Ranking, ...] = field(repr=False)
    seconds: tuple[float, ...] = field(default=(), repr=False)

    @property
    def means(self) -> dict[str, float]:
        """Each metric's mean over all queries."""
        return {metric: statistics.fmean(values) for metric, values in self.values.items()}

    def of(self, metric: str) -> tuple[float, ...]:
        """One metric's values.

        Raises:
            InvalidInputError: It was not measured.
        """
        if metric not in self.values:
            raise InvalidInputError(
                f"{metric!r} was not measured for {self.name!r}; it has {', '.join(self.values)}"
            )
        return self.values[metric]

    @property
    def latency(self) -> dict[str, float]:
        """Seconds a query: ``mean``, ``p50``, ``p95``; empty where nothing was run."""
        if not self.seconds:
            return {}
        return {
            "mean": statistics.fmean(self.seconds),
            "p50": percentile(self.seconds, 50),
            "p95": percentile(self.seconds, 95),
        }

    @property
    def events(self) -> dict[str, int]:
        """How many queries have an event of each kind: fallbacks, truncated texts, cuts."""
        old = [len(t.ranking.events) for t in self.collection]
        kinds = Counter(
            kind
            for n, r in zip(old, self.rankings, strict=True)
            for kind in {event.kind for event in r.events[n:]}
        )
        return dict(kinds.most_common())

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the means should know."""
        told = list(self.collection.notes)
        if lost := self.collection.without_relevant:
            told.append(
                f"{lost} of {len(self.collection)} queries have no relevant document; they count "
                "0, as in trec_eval (Collection.with_relevant() leaves them out)"
            )
        told += [
            f"{self.name}: {kind} on {n} of {len(self.collection)} queries"
            for kind, n in self.events.items()
        ]
        return tuple(told)

    def rows(self) -> list[dict[str, object]]:
        """One flat row per query, for files: contender, query id, metrics, seconds."""
        return [
            {
                "contender": self.name,
                "query_id": topic.id,
                "query": topic.ranking.query,
                **{metric: values[i] for metric, values in self.values.items()},
                "seconds": self.seconds[i] if self.seconds else None,
            }
            for i, topic in enumerate(self.collection)
        ]

    def write(self, path: str | os.PathLike[str]) -> None:
        """Per-query results as .jsonl or .csv.

        Raises:
            InvalidInputError: Another ending, or the file cannot be written.
        """
        write_rows(path, self.rows())

    def __str__(self) -> str:
        latency = {f"{k} ms": f"{1000 * s:.1f}" for k, s in self.latency.items()}
        cells = {metric: f"{mean:.4f}" for metric, mean in self.means.items()} | latency
        table = format_table(["contender", *cells], [[self.name, *cells.values()]])
        head = f"{self.collection.name}, {len(self.collection)} queries"
        return "\n".join([head, table, *(f"note: {note}" for note in self.notes)])
