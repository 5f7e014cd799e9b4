"""What Prometheus may scrape."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from secondpass.core.event import Note
from secondpass.core.ranking import Ranking
from secondpass.serve.served import Recipes, Served
from secondpass.serve.settings import MANY

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_TOKENS = (64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
_SCORES = (
    -10, -5, -2, -1, 0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98,
    0.99, 1, 2, 5, 10,
)  # fmt: skip
"""Of probabilities and of raw scores; quantiles are computed of them where they are shown."""


class Metrics:
    """Counters of one process, or of all workers where they share a folder."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._requests = Counter(
            "secondpass_requests", "Requests.", ("path", "status"), registry=registry
        )
        self._seconds = Histogram(
            "secondpass_request_seconds", "From the first byte to the last.", ("path",),
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._ranked = Counter(
            "secondpass_rankings", "Reranked lists: complete, partial, fallback.",
            ("recipe", "status"), registry=registry,
        )  # fmt: skip
        self._pairs = Counter(
            "secondpass_pairs", "Pairs of query and text.", ("recipe",), registry=registry
        )
        self._truncated = Counter(
            "secondpass_truncated_documents", "Texts longer than the model reads.", ("model",),
            registry=registry,
        )  # fmt: skip
        self._cached = Counter(
            "secondpass_cache_hits", "Scores and vectors that were kept.", ("model",),
            registry=registry,
        )  # fmt: skip
        self._abstained = Counter(
            "secondpass_abstentions", "Lists with nothing relevant.", ("recipe",),
            registry=registry,
        )  # fmt: skip
        self._events = Counter(
            "secondpass_events", "Events of rankings, such as stage-failed and deadline.",
            ("recipe", "kind"), registry=registry,
        )  # fmt: skip
        self._scores = Histogram(
            "secondpass_score", "Scores by model, to see them drift.", ("model", "scale"),
            buckets=_SCORES, registry=registry,
        )  # fmt: skip
        self._batch_tokens = Histogram(
            "secondpass_batch_tokens", "Tokens of a batch, estimated.", buckets=_TOKENS,
            registry=registry,
        )  # fmt: skip
        self._batch_pairs = Counter(
            "secondpass_batched_pairs", "Pairs that models read.", registry=registry
        )
        self._batch_requests = Histogram(
            "secondpass_batch_requests", "Requests of a batch.", buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=registry,
        )  # fmt: skip
        self._batch_seconds = Histogram(
            "secondpass_batch_seconds", "Time of a batch.", buckets=_SECONDS, registry=registry
        )
        self._wait = Histogram(
            "secondpass_queue_wait_seconds", "Until a request's first batch.", buckets=_SECONDS,
            registry=registry,
        )  # fmt: skip
        self._open = _gauge("secondpass_open_requests", "Requests being answered.", registry)
        self._queued = _gauge("secondpass_queue_tokens", "Tokens that wait, estimated.", registry)
        self._queued_seconds = _gauge(
            "secondpass_queue_seconds", "Work that waits, estimated.", registry
        )
        self._circuit = Gauge(
            "secondpass_circuit_open", "1 while a failing stage rests.", ("recipe", "stage"),
            registry=registry, multiprocess_mode="livemax",
        )  # fmt: skip

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count a response."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def batch(self, tokens: int, pairs: int, requests: int, seconds: float) -> None:
        """Count a batch."""
        self._batch_tokens.observe(tokens)
        self._batch_pairs.inc(pairs)
        self._batch_requests.observe(requests)
        self._batch_seconds.observe(seconds)

    def waited(self, seconds: float) -> None:
        """Count how long a request waited for its first batch."""
        self._wait.observe(seconds)

    def noted(self, model: str, notes: Sequence[Note]) -> None:
        """Count what a model noted on the pairs of a batch."""
        if cut := sum("cut_tokens" in note for note in notes):
            self._truncated.labels(model).inc(cut)
        if kept := sum("cached" in note or "stored" in note for note in notes):
            self._cached.labels(model).inc(kept)

    def ranked(self, served: Served, rankings: Sequence[Ranking], pairs: int) -> None:
        """Count what a request got."""
        name = served.name
        self._pairs.labels(name).inc(pairs)
        for ranking in rankings:
            self._ranked.labels(name, ranking.status).inc()
            for event in ranking.events:
                self._events.labels(name, event.kind).inc()
                if event.kind == "abstained":
                    self._abstained.labels(name).inc()
            scores = self._scores.labels(served.model, ranking.scale)
            for candidate in ranking:
                if candidate.score is not None:
                    scores.observe(candidate.score)
        for breaker in served.breakers:
            self._circuit.labels(name, breaker.stage.name).set(breaker.state == "open")

    def gauges(self, recipes: Recipes, requests: int) -> None:
        """Set what is true now."""
        self._open.set(requests)
        self._queued.set(recipes.tokens_queued)
        self._queued_seconds.set(recipes.seconds_queued)

    def page(self) -> bytes:
        """Everything, of all workers where there are several, in Prometheus' text format."""
        folder = os.environ.get(MANY)
        if not folder:
            return generate_latest(self.registry)
        _forget_the_dead(Path(folder))
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody, path=folder)  # type: ignore[no-untyped-call]
        return generate_latest(everybody)


def _gauge(name: str, says: str, registry: CollectorRegistry) -> Gauge:
    return Gauge(name, says, registry=registry, multiprocess_mode="livesum")


def _forget_the_dead(folder: Path) -> None:
    """Gauges of workers that are gone no longer count."""
    for pid in {file.stem.rpartition("_")[2] for file in folder.glob("gauge_live*.db")}:
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            mark_process_dead(int(pid), str(folder))  # type: ignore[no-untyped-call]
        except (PermissionError, ValueError):
            continue
