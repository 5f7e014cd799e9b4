"""OpenTelemetry: a span for each call and each stage, with what happened as span events.

    from secondpass.tracing import instrument
    instrument()

Spans and durations go to the tracer and meter providers of the application; `docs/tracing.md` has
their names. Without this call nothing is imported and nothing is watched. Needs the extra ``otel``,
which is OpenTelemetry's API only.
"""

from secondpass.tracing.instrumentor import SecondPassInstrumentor, instrument, uninstrument

__all__ = ["SecondPassInstrumentor", "instrument", "uninstrument"]
