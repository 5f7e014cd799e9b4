"""Spans of real calls, as OpenTelemetry's SDK receives them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from secondpass import (
    Fuse,
    InvalidInputError,
    ModelError,
    Order,
    Platt,
    Ranking,
    Score,
    Stage,
    Threshold,
    Top,
    WrongCallError,
    arerank,
    load,
    rerank,
)
from secondpass.calibrate import Calibrate
from secondpass.models.remote import RemoteReranker
from secondpass.stages import Fallback
from secondpass.testing import FakeJudge, FakeScorer, RerankServer
from secondpass.tracing import SecondPassInstrumentor, instrument, uninstrument

QUERY = "who wrote Faust?"
DOCS = ["Cats sleep for most of the day.", "Goethe wrote Faust.", "Faust is a family name."]


class Collected:
    """What the SDK was given."""

    def __init__(self, **options: Any) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader])
        instrument(tracer_provider=provider, meter_provider=self.meters, **options)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """In the order in which they ended: the whole call is last."""
        return self.exporter.get_finished_spans()

    def durations(self) -> dict[str, list[Any]]:
        data = self.reader.get_metrics_data()
        (scope,) = data.resource_metrics[0].scope_metrics
        return {metric.name: list(metric.data.data_points) for metric in scope.metrics}


@pytest.fixture(autouse=True)
def _unwatched() -> Iterator[None]:
    yield
    uninstrument()


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_call_and_each_of_its_stages_have_a_span() -> None:
    collected = Collected()
    pipeline = load("builtin") >> Threshold(0.5)
    rerank(QUERY, DOCS, model=pipeline, top_k=1)
    model = pipeline[0].name
    assert [span.name for span in collected.spans] == [
        f"rerank {model}", pipeline[1].name, "p>=0.5", "Top(1)", f"rerank {model}",
    ]  # fmt: skip
    *steps, call = collected.spans
    assert {step.parent.span_id for step in steps if step.parent} == {call.context.span_id}
    assert {span.kind for span in collected.spans} == {SpanKind.INTERNAL}
    assert attributes(call) == {
        "gen_ai.operation.name": "rerank",
        "gen_ai.provider.name": "builtin",
        "gen_ai.request.model": model,
        "gen_ai.rerank.candidate.count": 3,
        "gen_ai.rerank.top_n": 1,
        "openinference.span.kind": "RERANKER",
        "reranker.model_name": model,
        "reranker.top_k": 1,
        "secondpass.stage": f"{pipeline.name} >> Top(1)",
        "secondpass.query.count": 1,
        "secondpass.result.count": 1,
        "secondpass.scale": "probability",
        "secondpass.status": "complete",
    }
    assert attributes(steps[0])["gen_ai.operation.name"] == "rerank"
    assert attributes(steps[2])["openinference.span.kind"] == "CHAIN"
    assert "gen_ai.operation.name" not in attributes(steps[2])


def test_events_are_span_events_of_the_stage_where_they_happened() -> None:
    collected = Collected()
    rerank(QUERY, DOCS, threshold=0.5)
    told = {span.name: [event.name for event in span.events] for span in collected.spans}
    assert told.pop("p>=0.5") == ["secondpass.dropped"]
    assert not any(told.values())
    (event,) = next(s for s in collected.spans if s.name == "p>=0.5").events
    assert str((event.attributes or {})["secondpass.message"]).startswith("2 of 3 dropped")


def test_nothing_of_the_content_leaves_unless_asked() -> None:
    collected = Collected()
    secret = "xyzzy"

    class Breaks(Stage):
        name = "breaks"

        def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
            raise ModelError(f"cannot rank {rankings[0].query}")

    ranking = Ranking.of(f"{secret} query", [f"{secret} one", f"{secret} two"])
    (Fallback(Breaks(), load("builtin")) >> Top(1))(ranking)
    with pytest.raises(ModelError, match=secret):
        Breaks()(ranking)
    rerank([f"{secret} a", f"{secret} b"], [secret])
    assert len(collected.spans) > 5
    assert secret not in "".join(span.to_json() for span in collected.spans)


def test_content_and_scores_where_they_are_wanted() -> None:
    collected = Collected(content=True, scores=True, documents=2)
    ranking = rerank(QUERY, DOCS)
    call = attributes(collected.spans[-1])
    assert call["reranker.query"] == call["gen_ai.rerank.query.text"] == QUERY
    assert call["gen_ai.rerank.scores"] == tuple(ranking.scores)
    assert call["reranker.input_documents.0.document.content"] == DOCS[0]
    assert call["reranker.output_documents.0.document.id"] == ranking.ids[0] == "1"
    assert call["reranker.output_documents.0.document.score"] == ranking.scores[0]
    assert "reranker.output_documents.2.document.id" not in call


def test_several_queries_are_told_apart() -> None:
    collected = Collected(content=True, scores=True)
    rerank([QUERY, "what do cats do?"], DOCS, threshold=0.5)
    call = collected.spans[-1]
    assert attributes(call)["secondpass.query.count"] == 2
    queries = [dict(e.attributes or {}) for e in call.events if e.name == "secondpass.ranking"]
    assert [q["reranker.query"] for q in queries if "reranker.query" in q] == [
        QUERY, "what do cats do?",
    ]  # fmt: skip
    assert {q["secondpass.query.index"] for q in queries} == {0, 1}


def test_content_that_is_no_unicode_can_be_exported() -> None:
    collected = Collected(content=True)
    rerank("half \ud83d", ["also \ud83d"])
    for span in collected.spans:
        span.to_json().encode("utf-8")
    assert attributes(collected.spans[-1])["reranker.query"] == "half ?"


@pytest.mark.enable_socket
def test_a_remote_reranker_is_a_client_and_its_fallback_is_not() -> None:
    collected = Collected()
    with RerankServer() as server:
        remote = RemoteReranker("jina", "m", url=server.url, api_key="k", max_retries=0)
        remote(Ranking.of(QUERY, DOCS))
    (span,) = collected.spans
    assert span.kind is SpanKind.CLIENT
    assert span.name == "rerank m"
    assert attributes(span)["server.address"] == "127.0.0.1"
    assert attributes(span)["gen_ai.provider.name"] == "jina"
    collected.exporter.clear()
    Fallback(remote, load("builtin"))(Ranking.of(QUERY, DOCS))  # the server has gone
    failed, *local, whole = collected.spans
    assert failed.status.status_code is StatusCode.ERROR
    assert attributes(failed)["error.type"] == "secondpass.models.remote.errors.RemoteError"
    assert all(span.kind is SpanKind.INTERNAL for span in (*local, whole))
    assert [event.name for event in whole.events] == ["secondpass.stage-failed"]
    assert attributes(whole)["secondpass.status"] == "fallback"


def test_a_local_judge_is_not_a_client() -> None:
    collected = Collected()
    Order(FakeJudge())(Ranking.of(QUERY, DOCS))
    assert [span.kind for span in collected.spans] == [SpanKind.INTERNAL]


async def test_async_calls_and_stages_side_by_side() -> None:
    collected = Collected()
    fuse = Fuse(Score(FakeScorer(name="b")), Score(FakeScorer(name="a")))
    await asyncio.gather(arerank(QUERY, DOCS, model=fuse), arerank(QUERY, DOCS, model=fuse))
    names = sorted(span.name for span in collected.spans)
    calls = [span for span in collected.spans if span.parent is None]
    assert (names.count("rerank b"), names.count("rerank a")) == (2, 4)  # the calls' last is a
    assert len(calls) == 2
    for call in calls:  # no stage of one is under the other
        below = [s for s in collected.spans if s.context.trace_id == call.context.trace_id]
        assert len(below) == len(collected.spans) / 2


def test_durations_by_model_and_by_call() -> None:
    collected = Collected()
    rerank(QUERY, DOCS)
    with pytest.raises(ValueError, match="query"):
        rerank(" ", DOCS)  # no stage ran
    durations = collected.durations()
    (model,) = durations["gen_ai.client.operation.duration"]
    (call,) = durations["secondpass.rerank.duration"]
    assert model.count == call.count == 1
    assert model.attributes["gen_ai.operation.name"] == "rerank"
    assert model.attributes["gen_ai.request.model"] == load("builtin")[0].name  # type: ignore[index]
    assert 0 < model.sum <= call.sum


def test_the_spans_of_the_application_are_around_ours() -> None:
    collected = Collected()
    tracer = TracerProvider().get_tracer("app")
    with tracer.start_as_current_span("question") as outer:
        rerank(QUERY, DOCS)
    call = collected.spans[-1]
    assert call.parent is not None
    assert call.parent.span_id == outer.get_span_context().span_id


def test_stages_that_are_defined_later_and_those_that_call_their_base_have_one_span() -> None:
    collected = Collected()

    class Reverses(Stage):
        name = "reverses"

        def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
            return [r.reordered(range(len(r))[::-1], self.name) for r in rankings]

    class Twice(Reverses):
        def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
            return super().run(super().run(rankings))

    assert Twice()(Ranking.of(QUERY, DOCS)).ids == ["0", "1", "2"]
    asyncio.run(Twice().acall(Ranking.of(QUERY, DOCS)))
    assert [span.name for span in collected.spans] == ["rerank reverses"] * 2


def test_nothing_is_left_of_it_afterwards() -> None:
    before = (Stage.run, Stage.arun, Score.run)
    collected = Collected()
    assert Score.run is not before[2]
    instrument()
    uninstrument()
    assert (Stage.run, Stage.arun, Score.run) == before
    rerank(QUERY, DOCS)
    assert collected.spans == ()


def test_a_wrong_call_of_a_stage_fails_as_it_does_without() -> None:
    stage = load("builtin")
    with pytest.raises(WrongCallError) as plain:
        stage("a query")  # type: ignore[arg-type]
    with pytest.raises(AttributeError) as deep:
        stage.run(["a query"])  # type: ignore[list-item]
    collected = Collected()
    with pytest.raises(WrongCallError) as watched:
        stage("a query")  # type: ignore[arg-type]
    with pytest.raises(AttributeError) as watched_deep:
        stage.run(["a query"])  # type: ignore[list-item]
    assert str(watched.value) == str(plain.value)
    assert str(watched_deep.value) == str(deep.value)
    assert all(span.status.status_code is StatusCode.ERROR for span in collected.spans)


def test_what_is_not_an_option_says_so() -> None:
    with pytest.raises(InvalidInputError, match=r"documents=-1"):
        instrument(documents=-1)
    with pytest.raises(InvalidInputError, match="content='yes'"):
        instrument(content="yes")  # type: ignore[arg-type]
    with pytest.raises(WrongCallError, match="has no keyword 'score'"):
        instrument(score=True)  # type: ignore[call-arg]


def test_the_environment_asks_for_content(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    collected = Collected()
    rerank(QUERY, DOCS)
    assert attributes(collected.spans[-1])["reranker.query"] == QUERY


def test_the_command_opentelemetry_instrument_can_call_it() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = SecondPassInstrumentor()
    instrumentor.instrument(tracer_provider=provider, skip_dep_check=True)
    rerank(QUERY, DOCS)
    instrumentor.uninstrument()
    assert exporter.get_finished_spans()


def test_a_calibrator_is_no_model() -> None:
    collected = Collected()
    stage = Score(FakeScorer(name="mine:m")) >> Calibrate(Platt(1.0, 0.0), "mine:m")
    stage(Ranking.of(QUERY, DOCS))
    model, calibrator, call = collected.spans
    assert (model.name, calibrator.name, call.name) == ("rerank m", "Platt", "rerank m")
    assert attributes(model)["gen_ai.provider.name"] == "mine"


def test_without_being_asked_nothing_is_imported() -> None:
    code = (
        "import sys; from secondpass import rerank; rerank('q', ['a', 'b'])\n"
        "print([m for m in sys.modules if m.startswith('opentelemetry') or 'tracing' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_without_opentelemetry_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [m for m in sys.modules if m.partition(".")[0] == "opentelemetry"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delitem(sys.modules, "secondpass.tracing.spans", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ImportError, match=r'pip install "secondpass\[otel\]"'):
        instrument()
