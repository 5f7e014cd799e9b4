"""The framework's tracer hears that reranking ran, what happened, and why it failed."""
# ruff: noqa: ARG001  -- doubles have the arguments that are called

from __future__ import annotations

from secondpass.stages.score import Score
from secondpass.testing.adapter_kit.adapter import QUERY, Adapter, Trace, needs, probable, raw
from secondpass.testing.doubles import FakeScorer


class TracingTests(Adapter):
    """A span of its own, with the events in it, which no document can carry if none is left."""

    @needs("tracing")
    def test_reranking_has_a_span_of_its_own(self) -> None:
        trace = self._traced(model=raw())
        assert len(trace.spans) == 1, f"one span of reranking, not {list(trace.spans)}"
        assert trace.error is None
        assert list(trace.events) == [], "nothing happened, and something was told"

    @needs("tracing", "threshold")
    def test_the_trace_says_why_nothing_is_left(self) -> None:
        trace = self._traced(model=probable(), threshold=0.999)
        (event,) = trace.events
        assert set(event) == {"stage", "kind", "message"}
        assert event["kind"] == "dropped"
        assert event["message"].startswith("4 of 4 dropped")

    @needs("tracing")
    def test_no_documents_have_a_span_too(self) -> None:
        trace = self.trace(self.make(model=raw()), QUERY, self.documents([]))
        assert len(trace.spans) == 1

    @needs("tracing")
    def test_a_failure_ends_its_span_and_is_raised(self) -> None:
        def broken(query: str, text: str) -> float:
            raise ConnectionResetError("the model is gone")

        trace = self._traced(model=Score(FakeScorer(broken)))
        assert len(trace.spans) == 1, "the span of a call that failed was left open"
        assert "the model is gone" in str(trace.error)

    def _traced(self, **options: object) -> Trace:
        return self.trace(self.make(**options), QUERY, self.documents(self.given()))
