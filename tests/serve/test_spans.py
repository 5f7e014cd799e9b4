"""The service says where in a text the answer stands, in Cohere's shape and in its own."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.enable_socket
QUERY = "who wrote Faust?"
FILLER = "Cats sleep for most of the day. "
LONG = FILLER * 90 + "Goethe wrote Faust in Weimar. " + FILLER * 90


def ask(service: Any, **spans: object) -> list[dict[str, Any]]:
    body = {"model": "raw", "query": QUERY, "documents": [FILLER, LONG], **spans}
    answer = service.post("/v2/rerank", body)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def test_spans_are_coheres(service: Any) -> None:
    first = ask(service, relevant_spans={"mode": "enabled"})[0]
    assert first["index"] == 1
    spans = first["relevant_spans"]
    assert "Goethe" in LONG[spans[0]["start"] : spans[0]["end"]]
    assert all(0 <= span["score"] <= 1 for span in spans)
    assert [s["score"] for s in spans] == sorted((s["score"] for s in spans), reverse=True)
    every = ask(service, relevant_spans={"threshold": 0.0})[0]["relevant_spans"]
    assert every[: len(spans)] == spans
    assert len(every) == 3
    one = ask(service, relevant_spans={"threshold": 0.0, "max_spans": 1})[0]
    assert one["relevant_spans"] == spans[:1]
    none = ask(service, relevant_spans={"threshold": 1.0})[0]
    assert "relevant_spans" not in none
    assert "relevant_spans" not in ask(service)[0]


def test_evidence_is_in_its_own_answer(service: Any) -> None:
    body = {"recipe": "raw", "query": QUERY, "documents": [FILLER, LONG]}
    answer = service.post("/rank", body)
    assert answer.status_code == 200, answer.text
    best = answer.json()["candidates"][0]
    span = best["evidence"][0]
    assert "Goethe" in LONG[span["start"] : span["end"]]
