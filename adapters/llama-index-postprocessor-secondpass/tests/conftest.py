"""Stages with known answers, and recorders for LlamaIndex's two event systems."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from llama_index.core.bridge.pydantic import Field
from llama_index.core.callbacks import CallbackManager, CBEventType
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.instrumentation.span import BaseSpan
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from llama_index.core.schema import NodeWithScore, TextNode

from secondpass import Calibrate, Platt, Score, Stage
from secondpass.testing import FakeScorer

Table = dict[str, float]


@pytest.fixture
def nodes() -> Callable[..., list[NodeWithScore]]:
    """Nodes of the texts given, with the retriever's scores 0.9, 0.8, ..., as from a retriever."""

    def make(*texts: str, **metadata: Any) -> list[NodeWithScore]:
        return [
            NodeWithScore(
                node=TextNode(id_=f"node-{i}", text=text, metadata=dict(metadata)),
                score=round(0.9 - i / 10, 1),
            )
            for i, text in enumerate(texts)
        ]

    return make


@pytest.fixture
def raw() -> Callable[[Table], Stage]:
    """A stage that gives each text the raw score of a table."""
    return lambda table: Score(FakeScorer(lambda query, text: table[text]))


@pytest.fixture
def probable(raw: Callable[[Table], Stage]) -> Callable[[Table], Stage]:
    """The same, calibrated: the probability is the sigmoid of the table's number."""
    return lambda table: raw(table) >> Calibrate(Platt(1.0, 0.0), fitted_on="fake-scorer")


class RecordedEvents(BaseEventHandler):
    seen: list[Any] = Field(default_factory=list)

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        self.seen.append(event)

    @property
    def reranks(self) -> list[Any]:
        """Start and end events of reranking, oldest first."""
        return [e for e in self.seen if isinstance(e, ReRankStartEvent | ReRankEndEvent)]


class RecordedSpans(BaseSpanHandler[BaseSpan]):
    entered: list[str] = Field(default_factory=list)
    exited: list[str] = Field(default_factory=list)
    dropped: list[str] = Field(default_factory=list)

    def new_span(
        self, id_: str, bound_args: inspect.BoundArguments, **kwargs: Any
    ) -> BaseSpan | None:
        self.entered.append(id_)
        return BaseSpan(id_=id_)

    def prepare_to_exit_span(
        self, id_: str, bound_args: inspect.BoundArguments, **kwargs: Any
    ) -> BaseSpan | None:
        self.exited.append(id_)
        return None

    def prepare_to_drop_span(
        self, id_: str, bound_args: inspect.BoundArguments, **kwargs: Any
    ) -> BaseSpan | None:
        self.dropped.append(id_)
        return None


@pytest.fixture
def events() -> Iterator[RecordedEvents]:
    """Everything that instrumentation tells while the test runs."""
    handler, root = RecordedEvents(), get_dispatcher()
    root.event_handlers.append(handler)
    yield handler
    root.event_handlers.remove(handler)


@pytest.fixture
def spans() -> Iterator[RecordedSpans]:
    """Every span that is opened while the test runs."""
    handler, root = RecordedSpans(), get_dispatcher()
    root.span_handlers.append(handler)
    yield handler
    root.span_handlers.remove(handler)


class RecordedCallbacks(BaseCallbackHandler):
    def __init__(self) -> None:
        super().__init__([], [])
        self.started: list[tuple[CBEventType, Any, str]] = []
        self.ended: list[tuple[CBEventType, Any, str]] = []
        self.manager = CallbackManager([self])

    def on_event_start(
        self, event_type: CBEventType, payload: Any = None, event_id: str = "", *a: Any, **k: Any
    ) -> str:
        self.started.append((event_type, payload, event_id))
        return event_id

    def on_event_end(
        self, event_type: CBEventType, payload: Any = None, event_id: str = "", **k: Any
    ) -> None:
        self.ended.append((event_type, payload, event_id))

    def start_trace(self, trace_id: str | None = None) -> None:
        pass

    def end_trace(self, trace_id: str | None = None, trace_map: Any = None) -> None:
        pass

    def of(self, kind: CBEventType) -> tuple[list[Any], list[Any]]:
        """Payloads of the starts and of the ends of one kind of event."""
        return (
            [payload for t, payload, _ in self.started if t == kind],
            [payload for t, payload, _ in self.ended if t == kind],
        )


@pytest.fixture
def callbacks() -> RecordedCallbacks:
    """A callback handler, and its `manager`."""
    return RecordedCallbacks()
