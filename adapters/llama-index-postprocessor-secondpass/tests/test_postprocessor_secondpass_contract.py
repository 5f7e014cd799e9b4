"""What every adapter holds, see `secondpass.testing.adapter_kit`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.callbacks import CallbackManager, CBEventType
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.postprocessor.secondpass import SecondPassRerank

from secondpass.testing.adapter_kit import AdapterContract, Found, Given, Trace, caught


class Heard(BaseCallbackHandler):
    """The ends of reranking, and what they say happened."""

    def __init__(self) -> None:
        super().__init__([], [])
        self.ended: list[str] = []
        self.events: list[dict[str, str]] = []

    def on_event_start(self, event_type: CBEventType, *a: Any, event_id: str = "", **k: Any) -> str:
        return event_id

    def on_event_end(
        self, event_type: CBEventType, payload: Any = None, event_id: str = "", **k: Any
    ) -> None:
        if event_type is CBEventType.RERANKING:
            self.ended.append(event_type.value)
            self.events.extend((payload or {}).get("secondpass", []))

    def start_trace(self, trace_id: str | None = None) -> None:
        pass

    def end_trace(self, trace_id: str | None = None, trace_map: Any = None) -> None:
        pass


class TestContract(AdapterContract):
    adapter = SecondPassRerank

    def documents(self, given: Sequence[Given]) -> list[NodeWithScore]:
        return [
            NodeWithScore(
                node=TextNode(id_=g.id, text=g.text, metadata=dict(g.metadata)), score=g.score
            )
            for g in given
        ]

    def run(self, reranker: Any, query: str, documents: Any) -> Any:
        return reranker.postprocess_nodes(documents, query_str=query)

    async def arun(self, reranker: Any, query: str, documents: Any) -> Any:
        return await reranker.apostprocess_nodes(documents, query_str=query)

    def read(self, result: Any) -> list[Found]:
        return [Found(n.node_id, n.text, n.node.metadata, n.score) for n in result]

    def trace(self, reranker: Any, query: str, documents: Any) -> Trace:
        heard = Heard()
        reranker.callback_manager = CallbackManager([heard])
        error = caught(lambda: reranker.postprocess_nodes(documents, query_str=query))
        return Trace(heard.ended, heard.events, error)

    def store(self, reranker: Any) -> Any:
        return reranker.to_dict()

    def restore(self, stored: Any) -> Any:
        return SecondPassRerank.from_dict(stored)
