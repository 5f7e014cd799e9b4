"""A span of OpenTelemetry for each request, as its SDK receives it."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from secondpass.serve.log_lines import JsonLines
from secondpass.tracing import instrument, uninstrument

pytestmark = pytest.mark.enable_socket
BODY = {"query": "who wrote Faust?", "documents": ["Goethe wrote Faust.", "Cats sleep."]}
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
FROM_CALLER = {"traceparent": f"00-{TRACE}-{CALLER}-01"}


class Collected:
    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        instrument(tracer_provider=self.provider, meter_provider=MeterProvider([self.reader]))

    def requests(self, number: int) -> list[ReadableSpan]:
        """Those of the server; the last may end a moment after its answer has arrived."""
        while True:
            found = [s for s in self.exporter.get_finished_spans() if s.kind is SpanKind.SERVER]
            if len(found) >= number:
                return found
            time.sleep(0.01)


@pytest.fixture
def collected() -> Iterator[Collected]:
    yield Collected()
    uninstrument()


def test_a_request_is_a_server_span_below_its_callers_with_the_stages_in_it(
    service: Any, collected: Collected, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "secondpass.serve"):
        answer = service.post("/v2/rerank", {"model": "cut", **BODY}, headers=FROM_CALLER)
        while not caplog.records:  # a moment after the answer
            time.sleep(0.01)
    assert answer.status_code == 200
    (request,) = collected.requests(1)
    assert (request.name, request.kind) == ("POST /v2/rerank", SpanKind.SERVER)
    assert request.context is not None
    assert request.parent is not None
    assert trace.format_trace_id(request.context.trace_id) == TRACE
    assert trace.format_span_id(request.parent.span_id) == CALLER
    assert request.parent.is_remote
    said = dict(request.attributes or {})
    host, _, port = service.url.removeprefix("http://").partition(":")
    assert said.pop("user_agent.original").startswith("python-httpx/")
    assert said == {
        "http.request.method": "POST",
        "http.route": "/v2/rerank",
        "http.response.status_code": 200,
        "url.path": "/v2/rerank",
        "url.scheme": "http",
        "network.protocol.version": "1.1",
        "server.address": host,
        "server.port": int(port),
        "client.address": "127.0.0.1",
        "secondpass.recipe": "cut",
        "secondpass.status": "complete",
    }
    spans = {s.context.span_id: s for s in collected.exporter.get_finished_spans() if s.context}
    inner = [s for s in spans.values() if s is not request]
    (call,) = [s for s in inner if s.parent and s.parent.span_id == request.context.span_id]
    assert call.name.startswith("rerank builtin@")
    stages = {s.name for s in inner if s.parent and call.context and s is not call}
    assert {"p>=0.3", "Top(1)"} <= stages
    assert all(s.parent and s.parent.span_id in spans for s in inner)
    assert {s.context.trace_id for s in inner if s.context} == {request.context.trace_id}
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    assert TRACE in [line.get("trace_id") for line in lines]


def test_requests_have_their_own_spans_and_probes_none(service: Any, collected: Collected) -> None:
    service.get("/health/live")
    service.get("/metrics")
    assert service.post("/rank", {"query": "q"}).status_code == 422
    assert service.post("/nowhere/secret-name", BODY).status_code == 404
    assert service.post("/rank", BODY, headers={"traceparent": "no such"}).status_code == 200
    malformed, lost, fine = collected.requests(3)
    assert [s.name for s in (malformed, lost, fine)] == ["POST /rank", "POST", "POST /rank"]
    assert all(span.parent is None for span in (malformed, lost, fine))
    assert len({span.context.trace_id for span in (malformed, lost, fine) if span.context}) == 3
    # what a client did wrong is no error of the server
    assert malformed.status.status_code is StatusCode.UNSET
    assert (malformed.attributes or {})["http.response.status_code"] == 422
    assert httpx.request("PROPFIND", service.url, timeout=60).status_code == 405
    assert collected.requests(4)[-1].name.startswith("_OTHER")


def test_a_failure_of_the_service_is_an_error(
    serving: Any, collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(recipes={"one": "builtin"}) as server:
        server.wait_until_ready()

        def fails(*_: object, **__: object) -> None:
            raise RuntimeError("a secret text")

        monkeypatch.setattr(server.app.state.service, "rank", fails)
        assert server.post("/rank", BODY).status_code == 500
    (request,) = [s for s in collected.requests(1) if s.name == "POST /rank"]
    assert request.status.status_code is StatusCode.ERROR
    assert (request.attributes or {})["error.type"] == "RuntimeError"
    assert "secret" not in request.to_json()


def test_durations_of_requests_are_counted(service: Any, collected: Collected) -> None:
    service.post("/rank", BODY)
    collected.requests(1)
    data = collected.reader.get_metrics_data()
    assert data is not None
    metrics = {m.name: m for s in data.resource_metrics[0].scope_metrics for m in s.metrics}
    (point,) = metrics["http.server.request.duration"].data.data_points
    assert dict(point.attributes or {}) == {
        "http.request.method": "POST", "http.route": "/rank", "http.response.status_code": 200,
    }  # fmt: skip
    assert {"secondpass.rerank.duration", "gen_ai.client.operation.duration"} <= metrics.keys()


def test_the_span_of_another_instrumentation_is_kept(collected: Collected) -> None:
    """As of one that wraps the application already: ours would be a second for one request."""
    from fastapi.testclient import TestClient

    from secondpass.serve import Settings, make_app

    inner, tracer = make_app(Settings()), collected.provider.get_tracer("theirs")

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        with tracer.start_as_current_span("theirs", kind=SpanKind.SERVER):
            await inner(scope, receive, send)

    client = TestClient(wrapped)  # without a context: nothing is started, and no pairs are scored
    assert client.post("/rank", json=BODY).status_code == 200
    inner.state.service.recipes.close()
    (theirs,) = collected.requests(1)
    assert theirs.name == "theirs"
    assert (theirs.attributes or {})["secondpass.recipe"] == "builtin"
    assert len(collected.exporter.get_finished_spans()) > 2
