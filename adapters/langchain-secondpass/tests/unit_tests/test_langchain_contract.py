"""What every adapter holds, see `secondpass.testing.adapter_kit`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypedDict

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from langchain_secondpass import SecondPassRerank
from langgraph.graph import END, START, StateGraph

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


class State(TypedDict):
    query: str
    documents: list[Document]


class TestNodeContract(TestContract):
    """The same of a LangGraph node, whose graph has runs of its own around the reranker's."""

    def _graph(self, reranker: SecondPassRerank) -> Any:
        graph = StateGraph(State)
        graph.add_node("rerank", reranker.as_runnable() | (lambda found: {"documents": found}))
        graph.add_edge(START, "rerank")
        graph.add_edge("rerank", END)
        return graph.compile()

    def run(self, reranker: Any, query: str, documents: Any) -> Any:
        state = {"query": query, "documents": documents}
        return self._graph(reranker).invoke(state)["documents"]

    async def arun(self, reranker: Any, query: str, documents: Any) -> Any:
        state = {"query": query, "documents": documents}
        return (await self._graph(reranker).ainvoke(state))["documents"]

    def trace(self, reranker: Any, query: str, documents: Any) -> Trace:
        runs, heard = RunCollectorCallbackHandler(), Heard()
        config = {"callbacks": [runs, heard]}
        state = {"query": query, "documents": documents}
        error = caught(lambda: self._graph(reranker).invoke(state, config))
        ended, waiting = [], list(runs.traced_runs)
        while waiting:
            run = waiting.pop()
            waiting.extend(run.child_runs)
            ended += [run.name] if run.name == "SecondPassRerank" and run.end_time else []
        return Trace(ended, heard.events, error)
