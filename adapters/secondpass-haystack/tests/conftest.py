"""Haystack must not phone home, which is settled before its first import; and a tracer."""

from __future__ import annotations

import os

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from haystack import tracing


class Recorded(tracing.Span):
    """A span, with its name, tags and parent, and whether it has ended."""

    def __init__(self, name: str, tags: dict[str, Any], parent: str | None) -> None:
        self.name, self.tags, self.parent, self.ended = name, tags, parent, False

    def set_tag(self, key: str, value: Any) -> None:
        self.tags[key] = value


class Recorder(tracing.Tracer):
    """Every span of Haystack's tracer, the first that began first."""

    def __init__(self) -> None:
        self.spans: list[Recorded] = []

    @contextmanager
    def trace(
        self, operation_name: str, tags: Any = None, parent_span: Any = None
    ) -> Iterator[Recorded]:
        parent = parent_span.name if parent_span else None
        span = Recorded(operation_name, dict(tags or {}), parent)
        self.spans.append(span)
        try:
            yield span
        finally:
            span.ended = True

    def current_span(self) -> Recorded | None:
        return next((span for span in reversed(self.spans) if not span.ended), None)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """The tracer while a test runs."""
    made = Recorder()
    tracing.enable_tracing(made)
    yield made
    tracing.disable_tracing()
