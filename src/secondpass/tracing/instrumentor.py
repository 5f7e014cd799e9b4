"""Switches spans on and off."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from secondpass.core.call_hints import hint_keywords
from secondpass.core.errors import InvalidInputError, MissingExtraError
from secondpass.core.stage import Stage
from secondpass.core.watch import watch_stages
from secondpass.stages.cut import whole_number

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from secondpass.tracing.server_spans import ServerSpans
    from secondpass.tracing.spans import Spans

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""OpenTelemetry's switch for the content of calls of language models; it counts here too."""
_spans: Spans | None = None
"""What writes spans now."""


@hint_keywords()
def instrument(
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    content: bool | None = None,
    scores: bool = False,
    openinference: bool = True,
    documents: int = 10,
) -> None:
    """Write a span for each call and each stage, from now on and for the whole process.

    Calling it again changes the settings.

    Args:
        tracer_provider: Where spans go; None: the application's own, whenever it is set.
        meter_provider: Where durations go; None likewise.
        content: Write queries, texts, ids, and messages and errors that may quote them. None: as
            the environment variable OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT says;
            not, without it.
        scores: Write the scores of the candidates that were kept.
        openinference: Write OpenInference's attributes (Phoenix, Arize) beside those proposed for
            OpenTelemetry.
        documents: The number of documents of a list that `content` writes, best first. An SDK
            keeps 128 attributes of a span unless it is told otherwise.

    Raises:
        MissingExtraError: opentelemetry-api is not installed.
        InvalidInputError: `documents` is not a whole number.
    """
    documents = whole_number(documents, "documents")
    for name, value in (("scores", scores), ("openinference", openinference)):
        if not isinstance(value, bool):
            raise InvalidInputError(f"{name}={value!r}: True or False")
    if not isinstance(content, bool | None):
        raise InvalidInputError(f"content={content!r}: True, False, or None for the environment's")
    try:
        from secondpass.tracing.spans import Spans
    except ImportError as error:
        raise MissingExtraError("secondpass.tracing", "otel") from error
    if content is None:
        content = os.environ.get(CAPTURE, "").lower() in ("true", "span_only", "span_and_event")
    global _spans
    _spans = Spans(
        tracer_provider,
        meter_provider,
        content=content,
        scores=scores,
        openinference=openinference,
        documents=documents,
    )
    watch_stages(Stage, _spans.watch)


def uninstrument() -> None:
    """Write no more spans."""
    global _spans
    _spans = None
    watch_stages(Stage, None)


def server_spans() -> ServerSpans | None:
    """What writes the spans of a service's requests; None while nobody asked for spans."""
    return None if _spans is None else _spans.of_requests


class SecondPassInstrumentor:
    """What the command ``opentelemetry-instrument`` calls, through its group of entry points."""

    def instrument(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        skip_dep_check: bool = False,
        raise_exception_on_conflict: bool = False,
    ) -> None:
        """`instrument` with its defaults; nothing depends on a version that could conflict."""
        instrument(tracer_provider=tracer_provider, meter_provider=meter_provider)

    def uninstrument(self) -> None:
        """Write no more spans."""
        uninstrument()
