"""What LlamaIndex's two event systems hear of a rerank: that it starts, and that it ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.callbacks.base import EventContext
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.schema import NodeWithScore, QueryBundle

from secondpass import Event
from secondpass.core.ranking_details import METADATA_KEY, event_details

dispatcher = get_dispatcher(__name__)


@contextmanager
def rerank_started(
    callbacks: CallbackManager,
    query: QueryBundle,
    nodes: list[NodeWithScore],
    top_n: int,
    model_name: str,
) -> Iterator[EventContext]:
    """Tell both that it starts; the callback's event ends with the block, also where it raises."""
    dispatcher.event(ReRankStartEvent(query=query, nodes=nodes, top_n=top_n, model_name=model_name))
    payload: dict[str, Any] = {
        EventPayload.NODES: nodes,
        EventPayload.MODEL_NAME: model_name,
        EventPayload.QUERY_STR: query.query_str,
        EventPayload.TOP_K: top_n,
    }
    with callbacks.event(CBEventType.RERANKING, payload=payload) as event:
        yield event


def rerank_ended(event: EventContext, nodes: list[NodeWithScore], events: Sequence[Event]) -> None:
    """Tell both what came out, and what happened: where no node is left, none can say why."""
    details = {METADATA_KEY: event_details(events)} if events else {}
    event.on_end(payload={EventPayload.NODES: nodes, **details})
    dispatcher.event(ReRankEndEvent(nodes=nodes, tags=details))
