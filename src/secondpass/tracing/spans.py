"""A span around each run of a stage, and how long it took; only here OpenTelemetry is needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib.metadata import version

from opentelemetry import metrics, trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider

from secondpass.core.event import Event
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage
from secondpass.tracing.attributes import (
    BOUNDARIES,
    Attributes,
    document_attributes,
    event_attributes,
    input_attributes,
    new_events,
    openinference_attributes,
    operation_attributes,
    output_attributes,
    query_attributes,
    score_attributes,
)
from secondpass.tracing.server_spans import ServerSpans
from secondpass.tracing.stage_kinds import StageKind


@dataclass(slots=True, eq=False)
class _OpenSpan:
    """One that is under way.

    Attributes:
        outer: The run of the stage around it.
        told: Events that the stages in it have written on their own spans.
    """

    outer: _OpenSpan | None
    told: set[Event] = field(default_factory=set)


_run: ContextVar[_OpenSpan | None] = ContextVar("secondpass_span", default=None)


class Spans:
    """Watches stages, see `secondpass.tracing.instrument` for the arguments.

    Attributes:
        of_requests: Writes the spans of what a service answers.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None,
        meter_provider: MeterProvider | None,
        *,
        content: bool,
        scores: bool,
        openinference: bool,
        documents: int,
    ) -> None:
        self.content, self.scores = content, scores
        self.openinference, self.documents = openinference, documents
        self.of_requests = ServerSpans(tracer_provider, meter_provider)
        ours = version("secondpass")
        self._tracer = trace.get_tracer("secondpass", ours, tracer_provider)
        meter = metrics.get_meter("secondpass", ours, meter_provider)
        self._of_models = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="Duration of what a model was asked, local or remote.",
            explicit_bucket_boundaries_advisory=BOUNDARIES,
        )
        self._of_calls = meter.create_histogram(
            "secondpass.rerank.duration",
            unit="s",
            description="Duration of a whole call, all its stages together.",
            explicit_bucket_boundaries_advisory=BOUNDARIES,
        )

    @contextmanager
    def watch(
        self, stage: Stage, rankings: Sequence[Ranking]
    ) -> Iterator[Callable[[list[Ranking]], None]]:
        """See `secondpass.core.watch.Watch`."""
        run, given = _OpenSpan(_run.get()), _rankings(rankings)
        kind = StageKind.of(stage)
        is_rerank = kind.is_model or run.outer is None
        name = f"rerank {kind.model or stage.name}" if is_rerank else stage.name
        counted = operation_attributes(kind)
        began = time.perf_counter()
        token = _run.set(run)
        try:
            with self._tracer.start_as_current_span(
                name,
                kind=SpanKind.CLIENT if kind.is_remote else SpanKind.INTERNAL,
                attributes=input_attributes(stage, kind, given, is_rerank),
                record_exception=self.content,
                set_status_on_exception=self.content,
            ) as span:
                try:
                    self._write_input(span, kind, given, is_rerank)
                    yield lambda results: self._write_output(span, run, given, _rankings(results))
                except BaseException as error:
                    counted["error.type"] = _type_of(error)
                    self._write_error(span, error)
                    raise
        finally:
            _run.reset(token)
            seconds = time.perf_counter() - began
            if kind.is_model:
                self._of_models.record(seconds, counted)
            if run.outer is None:
                self._of_calls.record(seconds, counted)

    def _write_input(
        self, span: Span, kind: StageKind, rankings: Sequence[Ranking], is_rerank: bool
    ) -> None:
        if not span.is_recording():
            return
        if self.openinference:
            span.set_attributes(openinference_attributes(kind, is_rerank))
        if not (self.content and is_rerank):
            return
        for index, ranking in enumerate(rankings):
            content = query_attributes(ranking.query, self.openinference)
            if self.openinference:
                content |= document_attributes(ranking, self.documents, "input")
            _write(span, content, None if len(rankings) == 1 else index)

    def _write_output(
        self, span: Span, run: _OpenSpan, rankings: Sequence[Ranking], results: Sequence[Ranking]
    ) -> None:
        events = [(i, e) for i, e in new_events(rankings, results) if e not in run.told]
        if run.outer is not None:
            run.outer.told |= run.told | {event for _, event in events}
        if not span.is_recording():
            return
        span.set_attributes(output_attributes(results))
        for index, event in events:
            where = None if len(results) == 1 else index
            attributes = event_attributes(event, where, self.content)
            span.add_event(f"secondpass.{event.kind}", attributes)
        for index, ranking in enumerate(results):
            written = score_attributes(ranking) if self.scores else {}
            if self.content and self.openinference and run.outer is None:
                written |= document_attributes(ranking, self.documents, "output")
            if written:
                _write(span, written, None if len(results) == 1 else index)

    def _write_error(self, span: Span, error: BaseException) -> None:
        """Its type; OpenTelemetry writes the message too where content is wanted."""
        span.set_attribute("error.type", _type_of(error))
        if not self.content:
            span.add_event("exception", {"exception.type": _type_of(error)})
            span.set_status(Status(StatusCode.ERROR))


def _write(span: Span, attributes: Attributes, index: int | None) -> None:
    """On the span, which has one query; or as an event of each of several."""
    if index is None:
        span.set_attributes(attributes)
    else:
        span.add_event("secondpass.ranking", {**attributes, "secondpass.query.index": index})


def _rankings(values: object) -> Sequence[Ranking]:
    """What a stage was given or gave; nothing where it is something else, which is its error."""
    if isinstance(values, list | tuple) and all(isinstance(value, Ranking) for value in values):
        return values
    return ()


def _type_of(error: BaseException) -> str:
    kind = type(error)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else (f"{kind.__module__}.{kind.__qualname__}")
    )
