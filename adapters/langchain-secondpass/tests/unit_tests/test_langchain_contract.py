"""What every adapter holds, see `secondpass.testing.adapter_kit`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from langchain_secondpass import SecondPassRerank

from secondpass.testing.adapter_kit import AdapterContract, Found, Given, Trace, caught


class Heard(BaseCallbackHandler):
    """The events in a run."""

    def __init__(self) -> None:
        self.events: list[dict[str, str]] = []

    def on_custom_event(self, name: str, data: Any, **kwargs: Any) -> None:
        if name == "secondpass":
            self.events.extend(data)


class TestContract(AdapterContract):
    adapter = SecondPassRerank
    added = frozenset({"relevance_score"})
    without: ClassVar = {"retrieval scores": "LangChain's documents have no score"}

    def documents(self, given: Sequence[Given]) -> list[Document]:
        return [Document(id=g.id, page_content=g.text, metadata=dict(g.metadata)) for g in given]

    def run(self, reranker: Any, query: str, documents: Any) -> Any:
        return reranker.compress_documents(documents, query)

    async def arun(self, reranker: Any, query: str, documents: Any) -> Any:
        return await reranker.acompress_documents(documents, query)

    def read(self, result: Any) -> list[Found]:
        return [
            Found(d.id, d.page_content, d.metadata, d.metadata.get("relevance_score"))
            for d in result
        ]

    def trace(self, reranker: Any, query: str, documents: Any) -> Trace:
        runs, heard = RunCollectorCallbackHandler(), Heard()
        error = caught(lambda: reranker.compress_documents(documents, query, [runs, heard]))
        names = [run.name for run in runs.traced_runs if run.end_time is not None]
        return Trace(names, heard.events, error)

    def store(self, reranker: Any) -> Any:
        return reranker.model_dump()

    def restore(self, stored: Any) -> Any:
        return SecondPassRerank(**stored)
