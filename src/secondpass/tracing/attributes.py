"""The attributes of a span, under the names that others search for.

``gen_ai.*``: OpenTelemetry's conventions for generative AI, whose rerank operation is proposed
(semantic-conventions-genai, issue 253). ``openinference.*`` and ``reranker.*``: OpenInference. What
neither has a name for is under ``secondpass.*``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from secondpass.core.event import Event, EventKind
from secondpass.core.ranking import Ranking
from secondpass.core.ranking_details import json_value
from secondpass.core.stage import Stage
from secondpass.tracing.stage_kinds import StageKind

Attributes = dict[str, str | int | float | bool | Sequence[str] | Sequence[float]]

BOUNDARIES = tuple(0.001 * 2**power for power in range(17))
"""Of durations in seconds, 1 ms to 65 s: a local reranker answers before the conventions' first
bucket ends."""

_MAY_QUOTE: frozenset[EventKind] = frozenset(
    ("failed", "stage-failed", "malformed", "fallback", "repaired", "refused", "retried")
)
"""Events whose messages may hold what a server, a model or an error said, and so queries and texts.
The messages of the others are counts and names."""


def operation_attributes(kind: StageKind) -> Attributes:
    """What the duration is counted by, and a span begins with."""
    attributes: Attributes = {"gen_ai.operation.name": "rerank"}
    if kind.provider is not None and kind.model is not None:
        attributes |= {"gen_ai.provider.name": kind.provider, "gen_ai.request.model": kind.model}
    if kind.server is not None:
        attributes["server.address"] = kind.server
        if kind.port is not None:
            attributes["server.port"] = kind.port
    return attributes


def input_attributes(
    stage: Stage, kind: StageKind, rankings: Sequence[Ranking], is_rerank: bool
) -> Attributes:
    """What is known as a stage begins.

    Args:
        stage: Which stage.
        kind: What it is.
        rankings: What it was given.
        is_rerank: Whether it is a whole call or a model, rather than a step between.
    """
    attributes: Attributes = {
        "secondpass.stage": stage.name,
        "secondpass.query.count": len(rankings),
        "gen_ai.rerank.candidate.count": sum(map(len, rankings)),
    }
    if is_rerank:
        attributes |= operation_attributes(kind)
    if kind.top_n is not None:
        attributes["gen_ai.rerank.top_n"] = kind.top_n
    return attributes


def openinference_attributes(kind: StageKind, is_rerank: bool) -> Attributes:
    """The kind of the span, and the name of the model."""
    attributes: Attributes = {"openinference.span.kind": "RERANKER" if is_rerank else "CHAIN"}
    if is_rerank and kind.model is not None:
        attributes["reranker.model_name"] = kind.model
    if is_rerank and kind.top_n is not None:
        attributes["reranker.top_k"] = kind.top_n
    return attributes


def output_attributes(results: Sequence[Ranking]) -> Attributes:
    """What came out, without content: how many, on which scales, and whether all was done."""
    return {
        "secondpass.result.count": sum(map(len, results)),
        "secondpass.scale": _all_of([r.scale for r in results]),
        "secondpass.status": _all_of([r.status for r in results]),
    }


def query_attributes(query: str, openinference: bool) -> Attributes:
    """Content: the query."""
    names = ("gen_ai.rerank.query.text", *(("reranker.query",) if openinference else ()))
    return dict.fromkeys(names, _utf8(query))


def document_attributes(ranking: Ranking, documents: int, side: str) -> Attributes:
    """Content: the first documents of a ranking, as OpenInference writes them.

    Args:
        ranking: What a stage was given, or what it gave.
        documents: How many.
        side: ``input`` or ``output``.
    """
    attributes: Attributes = {}
    for index, candidate in enumerate(ranking.head(documents)):
        name = f"reranker.{side}_documents.{index}.document"
        attributes[f"{name}.id"] = _utf8(candidate.id)
        attributes[f"{name}.content"] = _utf8(candidate.text)
        if candidate.metadata:
            attributes[f"{name}.metadata"] = json.dumps(json_value(candidate.metadata))
        if candidate.score is not None:
            attributes[f"{name}.score"] = candidate.score
    return attributes


def score_attributes(ranking: Ranking) -> Attributes:
    """The scores of a ranking, best first; nothing of an order."""
    return {} if ranking.scale == "order" else {"gen_ai.rerank.scores": ranking.scores}


def new_events(before: Sequence[Ranking], after: Sequence[Ranking]) -> Iterator[tuple[int, Event]]:
    """Index of the ranking, and event, of all that came in a stage."""
    for index, ranking in enumerate(after):
        known = before[index].events if index < len(before) else ()
        same = 0
        while same < min(len(known), len(ranking.events)) and (known[same] == ranking.events[same]):
            same += 1
        for event in ranking.events[same:]:
            yield index, event


def event_attributes(event: Event, index: int | None, content: bool) -> Mapping[str, str | int]:
    """Of one span event; the message only where it cannot quote, or content is wanted.

    Args:
        event: What happened.
        index: Of the ranking, where a run has several.
        content: Whether it is.
    """
    attributes: dict[str, str | int] = {"secondpass.stage": event.stage}
    if content or event.kind not in _MAY_QUOTE:
        attributes["secondpass.message"] = event.message
    if index is not None:
        attributes["secondpass.query.index"] = index
    return attributes


def _utf8(text: str) -> str:
    """Half of a surrogate pair is no text to an exporter, which would lose the whole batch."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _all_of(values: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(values))
