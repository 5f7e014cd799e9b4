"""What comes back: which documents, in which order, and what their metadata says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_secondpass import SecondPassRerank

from secondpass import (
    FieldWeight,
    Fuse,
    InvalidInputError,
    Score,
    Stage,
)
from secondpass.stages import Pair
from secondpass.testing import FakeScorer


def test_is_a_document_compressor() -> None:
    assert issubclass(SecondPassRerank, BaseDocumentCompressor)


def test_best_first_with_score_rank_and_scale(
    documents: list[Document], query: str, raw: Stage
) -> None:
    done = SecondPassRerank(model=raw).compress_documents(documents, query)
    assert [d.id for d in done] == ["doc-3", "doc-1", "doc-2", "doc-0"]
    assert [d.metadata["relevance_score"] for d in done] == [6.0, 3.0, 2.0, 0.0]
    assert [d.metadata["secondpass"] for d in done] == [
        {
            "scale": "raw",
            "rank": rank,
            "position": before,
            "score": score,
            "probability": None,
            "retrieval_score": None,
            "retrieval_rank": before,
            "evidence": [],
            "notes": {},
            "status": "complete",
            "events": [],
        }
        for rank, score, before in [(0, 6.0, 3), (1, 3.0, 1), (2, 2.0, 2), (3, 0.0, 0)]
    ]


def test_probabilities_say_so(
    documents: list[Document], query: str, probable: Callable[..., Stage]
) -> None:
    done = SecondPassRerank(model=probable()).compress_documents(documents, query)
    assert {d.metadata["secondpass"]["scale"] for d in done} == {"probability"}
    assert all(0 < d.metadata["relevance_score"] < 1 for d in done)


def test_metadata_scorers_read_the_documents_metadata(query: str, raw: Stage) -> None:
    documents = [
        Document(page_content="same", metadata={"kind": kind}) for kind in ("forum", "official")
    ]
    stage = Score(FieldWeight("kind", {"official": 1.0, "forum": 0.2}))
    done = SecondPassRerank(model=stage).compress_documents(documents, query)
    assert [d.metadata["kind"] for d in done] == ["official", "forum"]
    assert [d.metadata["relevance_score"] for d in done] == [1.0, 0.2]


class _Cutting(FakeScorer):
    def score_with_notes(
        self, pairs: Sequence[Pair]
    ) -> tuple[list[float], list[Mapping[str, Any]]]:
        notes: list[Mapping[str, Any]] = [
            {
                "cut_tokens": np.int64(7),
                "why": (np.float32(0.5), {1: np.arange(2)}),
                "ok": True,
                "p": np.float64(0.25),
            }
            if "line" in text
            else {}
            for _, text in pairs
        ]
        return self.score(pairs), notes


def test_notes_and_events_are_plain_json(documents: list[Document], query: str) -> None:
    done = SecondPassRerank(model=Score(_Cutting())).compress_documents(documents, query)
    details = done[1].metadata["secondpass"]
    assert details["notes"] == {
        "fake-scorer": {"cut_tokens": 7, "why": [0.5, {"1": [0, 1]}], "ok": True, "p": 0.25}
    }
    assert type(details["notes"]["fake-scorer"]["p"]) is float
    assert [e["kind"] for e in details["events"]] == ["truncated"]
    assert json.loads(json.dumps(details)) == details
    assert done[0].metadata["secondpass"]["notes"] == {}
    assert done[0].metadata["secondpass"]["events"] == details["events"]


def test_an_opinion_that_is_missing_is_told(query: str, raw: Stage) -> None:
    documents = [Document(page_content="a", metadata={"kind": "x"}), Document(page_content="b")]
    stage = Score(FieldWeight("kind", {"x": 1.0}))
    done = SecondPassRerank(model=stage).compress_documents(documents, query)
    assert [d.page_content for d in done] == ["a", "b"]
    assert all("relevance_score" not in d.metadata for d in done)
    assert [e["kind"] for e in done[0].metadata["secondpass"]["events"]] == ["missing"]


def test_a_fusion_of_text_and_metadata(documents: list[Document], query: str, raw: Stage) -> None:
    stage = Fuse(raw, Score(FieldWeight("source", {"s0": 1.0}, missing=0.0)), weights=[1, 5])
    done = SecondPassRerank(model=stage, top_n=1).compress_documents(documents, query)
    assert [d.id for d in done] == ["doc-0"]


def test_subclasses_of_document_stay_what_they_are(query: str, raw: Stage) -> None:
    class Page(Document):
        number: int

    done = SecondPassRerank(model=raw).compress_documents([Page(page_content="a", number=3)], query)
    assert isinstance(done[0], Page)
    assert done[0].number == 3


def test_a_string_is_no_document(query: str, raw: Stage) -> None:
    with pytest.raises(InvalidInputError, match=r"document 1 is str 'b'.*page_content"):
        SecondPassRerank(model=raw).compress_documents(
            [Document(page_content="a"), "b"],  # type: ignore[list-item]
            query,
        )


def test_a_threshold_may_leave_nothing(
    documents: list[Document], query: str, probable: Callable[..., Stage]
) -> None:
    rerank = SecondPassRerank(model=probable(), threshold=0.999)
    assert rerank.compress_documents(documents, query) == []


@pytest.mark.parametrize(("top_n", "kept"), [(None, 2), (5, 2), (1, 1), (0, 0)])
def test_so_many_stay_whatever_the_threshold_says(
    documents: list[Document],
    query: str,
    probable: Callable[..., Stage],
    top_n: int | None,
    kept: int,
) -> None:
    rerank = SecondPassRerank(model=probable(), threshold=0.999, keep_at_least=2, top_n=top_n)
    done = rerank.compress_documents(documents, query)
    assert [d.id for d in done] == ["doc-3", "doc-1"][:kept]
    for document in done:
        below, dropped = document.metadata["secondpass"]["events"]
        assert (below["kind"], dropped["kind"]) == ("kept-below-threshold", "dropped")
        assert "2 kept below the threshold 0.999" in below["message"]
