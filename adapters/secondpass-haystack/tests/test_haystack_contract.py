"""What every adapter holds, see `secondpass.testing.adapter_kit`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from haystack import Document, tracing
from haystack_integrations.components.rankers.secondpass import SecondPassRanker

from secondpass.testing.adapter_kit import AdapterContract, Found, Given, Trace, caught


class Recorded(tracing.Span):
    def __init__(self, name: str, tags: dict[str, Any]) -> None:
        self.name, self.tags, self.ended = name, tags, False

    def set_tag(self, key: str, value: Any) -> None:
        self.tags[key] = value


class Recorder(tracing.Tracer):
    """Every span of Haystack's tracer."""

    def __init__(self) -> None:
        self.spans: list[Recorded] = []

    @contextmanager
    def trace(
        self, operation_name: str, tags: Any = None, parent_span: Any = None
    ) -> Iterator[Recorded]:
        span = Recorded(operation_name, dict(tags or {}))
        self.spans.append(span)
        try:
            yield span
        finally:
            span.ended = True

    def current_span(self) -> None:
        return None


class TestContract(AdapterContract):
    adapter = SecondPassRanker
    top = "top_k"
    least_top = 1  # Haystack's rankers refuse 0

    def documents(self, given: Sequence[Given]) -> list[Document]:
        return [
            Document(id=g.id, content=g.text, meta=dict(g.metadata), score=g.score) for g in given
        ]

    def run(self, reranker: Any, query: str, documents: Any) -> Any:
        return reranker.run(query=query, documents=documents)["documents"]

    async def arun(self, reranker: Any, query: str, documents: Any) -> Any:
        return (await reranker.run_async(query=query, documents=documents))["documents"]

    def read(self, result: Any) -> list[Found]:
        return [Found(d.id, d.content, d.meta, d.score) for d in result]

    def trace(self, reranker: Any, query: str, documents: Any) -> Trace:
        recorder = Recorder()
        tracing.enable_tracing(recorder)
        try:
            error = caught(lambda: reranker.run(query=query, documents=documents))
        finally:
            tracing.disable_tracing()
        spans = [span for span in recorder.spans if span.ended]
        events = [event for span in spans for event in span.tags.get("secondpass.events", [])]
        return Trace([span.name for span in spans], events, error)

    def store(self, reranker: Any) -> Any:
        return reranker.to_dict()

    def restore(self, stored: Any) -> Any:
        return SecondPassRanker.from_dict(stored)
