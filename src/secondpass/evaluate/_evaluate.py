"""Rank every query of a collection with a system and measure what it returns."""

from __future__ import annotations

import csv
import json
import os
import statistics
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from secondpass.core.errors import InvalidInputError
from secondpass.core.printing import format_table, short_repr
from secondpass.core.ranking import Ranking
from secondpass.core.timing import Clock, percentile
from secondpass.evaluate.collection import Collection
from secondpass.evaluate.framework_retriever import FrameworkRetriever, Progress, check_ids
from secondpass.evaluate.metrics import metrics_of, per_query
from secondpass.evaluate.systems import System, as_system

METRICS = ("nDCG@10", "RR@10")
"""What is measured unless metrics are named."""
FIRST_STAGE = "first stage"
"""Name of the order in which the candidates came."""


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One system's results, query by query.

    Attributes:
        name: The system's.
        collection: What it was evaluated on.
        values: For each metric one value per query, in the collection's order.
        rankings: What it returned, one per query.
        seconds: Time per query; where several ran at once, their share of it. Empty where nothing
            was run, as for the first stage's own order.
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
        """Seconds per query: ``mean``, ``p50``, ``p95``; empty where nothing was run."""
        if not self.seconds:
            return {}
        return {
            "mean": statistics.fmean(self.seconds),
            "p50": percentile(self.seconds, 50),
            "p95": percentile(self.seconds, 95),
        }

    @property
    def events(self) -> dict[str, int]:
        """The number of queries with an event of each kind, such as fallbacks and cut texts."""
        earlier = [len(t.ranking.events) for t in self.collection]
        kinds = Counter(
            kind
            for n, r in zip(earlier, self.rankings, strict=True)
            for kind in {event.kind for event in r.events[n:]}
        )
        return dict(kinds.most_common())

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the means should know."""
        notes = list(self.collection.notes)
        if empty := self.collection.without_relevant:
            notes.append(
                f"{empty} of {len(self.collection)} queries have no relevant document; they count "
                "0, as in trec_eval (Collection.with_relevant() leaves them out)"
            )
        notes += [
            f"{self.name}: {kind} on {n} of {len(self.collection)} queries"
            for kind, n in self.events.items()
        ]
        return tuple(notes)

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


def evaluate(
    model: System | None,
    collection: Collection,
    metrics: Sequence[str] | str = METRICS,
    *,
    name: str | None = None,
    batch: int = 1,
    on_progress: Progress | None = None,
    clock: Clock = time.perf_counter,
) -> Evaluation:
    """Rank every query of a collection and measure the result.

    Args:
        model: A model string, a stage, a recipe or its path; a LlamaIndex or LangChain retriever,
            which brings its own candidates; or None for the order in which the candidates came.
        collection: See `read_collection`.
        metrics: See `Metric.of`.
        name: For tables; the model's own if None.
        batch: Number of queries that run at once. 1 gives the true latency of each; more is faster
            for judges over the network, and then each query's seconds are its share.
        on_progress: Called with the number of queries done and the number of all.
        clock: For tests.

    Raises:
        InvalidInputError: An unknown metric, something that is not a model, or a retriever whose
            ids are not those of the judgements.
        SecondPassError: What loading and running the model may raise.
    """
    if batch < 1:
        raise InvalidInputError(f"batch={batch}: at least one query runs at a time")
    metrics_of(metrics, collection.relevant_from)  # raises before any model is loaded
    if model is None:
        return evaluate_rankings(name or FIRST_STAGE, collection, collection.rankings, metrics)
    system = as_system(model)
    candidates = collection.rankings
    rankings: list[Ranking] = []
    seconds: list[float] = []
    for start in range(0, len(candidates), batch):
        inputs = candidates[start : start + batch]
        began = clock()
        if isinstance(system, FrameworkRetriever):
            rankings += [system(r.query) for r in inputs]
        else:
            rankings += system.run(inputs)
        seconds += [(clock() - began) / len(inputs)] * len(inputs)
        if on_progress is not None:
            on_progress(len(rankings), len(candidates))
    if isinstance(system, FrameworkRetriever):
        by_id = {t.id: r for t, r in zip(collection, rankings, strict=True)}
        check_ids(system.name, by_id, collection.qrels)
    return evaluate_rankings(name or system.name, collection, rankings, metrics, tuple(seconds))


def evaluate_rankings(
    name: str,
    collection: Collection,
    rankings: Sequence[Ranking],
    metrics: Sequence[str] | str = METRICS,
    seconds: tuple[float, ...] = (),
) -> Evaluation:
    """Measure rankings that exist already, one per query in the collection's order."""
    if len(rankings) != len(collection):
        raise InvalidInputError(f"{len(rankings)} rankings for {len(collection)} queries")
    orders = {t.id: r.ids for t, r in zip(collection, rankings, strict=True)}
    values = per_query(metrics_of(metrics, collection.relevant_from), collection.qrels, orders)
    return Evaluation(
        name=name,
        collection=collection,
        values={metric: tuple(of) for metric, of in values.items()},
        rankings=tuple(rankings),
        seconds=seconds,
    )


def write_rows(path: str | os.PathLike[str], rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows as JSONL or CSV, according to the path's ending.

    Raises:
        InvalidInputError: Another ending, or the file cannot be written.
    """
    path = check_ending(path)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    try:
        # half of a surrogate pair as JSON escapes it; UTF-8 has none
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            if path.suffix == ".jsonl":
                stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            else:
                writer = csv.DictWriter(stream, columns)
                writer.writeheader()
                writer.writerows(rows)
    except OSError as error:
        raise InvalidInputError(f"cannot write {path}: {error}") from error


def check_ending(path: str | os.PathLike[str]) -> Path:
    """The path, if it ends in .jsonl or .csv.

    Raises:
        InvalidInputError: It does not.
    """
    path = Path(path)
    if path.suffix not in (".jsonl", ".csv"):
        raise InvalidInputError(f"{path}: per-query results are written as .jsonl or .csv")
    return path
