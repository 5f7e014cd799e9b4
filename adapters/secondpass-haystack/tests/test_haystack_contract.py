"""What every adapter holds, see `secondpass.testing.adapter_kit`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from haystack import Document
from haystack_integrations.components.rankers.secondpass import SecondPassRanker

from secondpass.testing.adapter_kit import AdapterContract, Found, Given, Trace, caught


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

    @pytest.fixture(autouse=True)
    def _listen(self, recorder: Any) -> None:
        self.recorder = recorder

    def trace(self, reranker: Any, query: str, documents: Any) -> Trace:
        error = caught(lambda: reranker.run(query=query, documents=documents))
        spans = [span for span in self.recorder.spans if span.ended]
        events = [event for span in spans for event in span.tags.get("secondpass.events", [])]
        return Trace([span.name for span in spans], events, error)

    def store(self, reranker: Any) -> Any:
        return reranker.to_dict()

    def restore(self, stored: Any) -> Any:
        return SecondPassRanker.from_dict(stored)
