"""The span of one request that a service answers, with the caller's as its parent."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version

from opentelemetry import metrics, trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.propagate import extract
from opentelemetry.trace import SpanKind, Status, StatusCode, TracerProvider

from secondpass.tracing.attributes import BOUNDARIES, Attributes

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"))
"""What a span is named by; anything else that a client sends is ``_OTHER`` there."""


@dataclass(slots=True)
class HttpAnswer:
    """What a server knows of a request once it was answered.

    Attributes:
        status: Of HTTP; None where the client went before there was an answer.
        route: The path as it was declared; None where there is none.
        error: Class of what was raised in it, if anything was.
        attributes: What else is to be written on the span.
    """

    status: int | None = None
    route: str | None = None
    error: str | None = None
    attributes: Attributes = field(default_factory=dict)


class ServerSpans:
    """Writes them, by the names of OpenTelemetry's conventions for HTTP."""

    def __init__(
        self, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None
    ) -> None:
        ours = version("secondpass")
        self._tracer = trace.get_tracer("secondpass", ours, tracer_provider)
        self._durations = metrics.get_meter("secondpass", ours, meter_provider).create_histogram(
            "http.server.request.duration",
            unit="s",
            description="Duration of the requests that the service answered.",
            explicit_bucket_boundaries_advisory=BOUNDARIES,
        )

    @contextmanager
    def request(
        self, method: str, headers: Mapping[str, str], attributes: Attributes
    ) -> Iterator[tuple[HttpAnswer, str | None]]:
        """Around one request: where to say how it was answered, and the id of its trace.

        Where another instrumentation has begun a span for this request, what was said is written
        on that one.

        Args:
            method: Of HTTP.
            headers: In lower case; ``traceparent`` names the caller's span.
            attributes: What is known as it begins.
        """
        known = method if method in METHODS else "_OTHER"
        attributes = {"http.request.method": known, **attributes}
        answer, began = HttpAnswer(), time.perf_counter()
        others = trace.get_current_span()
        theirs = others.get_span_context()
        if theirs.is_valid and not theirs.is_remote:  # also if it was not sampled
            yield answer, trace.format_trace_id(theirs.trace_id)
            others.set_attributes(answer.attributes)
            return
        with self._tracer.start_as_current_span(
            known,
            context=extract(headers),
            kind=SpanKind.SERVER,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            context = span.get_span_context()
            try:
                yield answer, trace.format_trace_id(context.trace_id) if context.is_valid else None
            finally:
                counted: Attributes = {"http.request.method": known}
                if answer.route is not None:
                    counted["http.route"] = answer.route
                if answer.status is not None:
                    counted["http.response.status_code"] = answer.status
                if answer.error is not None or (answer.status or 0) >= 500:
                    counted["error.type"] = answer.error or str(answer.status)
                    span.set_status(Status(StatusCode.ERROR))
                span.update_name(f"{known} {answer.route}" if answer.route else known)
                span.set_attributes({**counted, **answer.attributes})
                self._durations.record(time.perf_counter() - began, counted)
