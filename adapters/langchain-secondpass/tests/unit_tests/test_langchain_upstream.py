"""What the tests of LangChain's own rerankers ask for, asked of ours.

After those of CrossEncoderReranker, langchain-voyageai and langchain-nvidia-ai-endpoints.
"""

from __future__ import annotations

from difflib import SequenceMatcher

import pytest
from langchain_classic.retrievers.document_compressors import CrossEncoderReranker
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_secondpass import SecondPassCrossEncoder, SecondPassRerank
from pydantic import ValidationError

from secondpass import Score, Stage
from secondpass.testing import FakeScorer


def _alike() -> Stage:
    return Score(FakeScorer(lambda q, t: SequenceMatcher(None, q, t).ratio(), "alike"))


@pytest.fixture(params=["ours", "theirs with our model"])
def top3(request: pytest.FixtureRequest) -> BaseDocumentCompressor:
    if request.param == "ours":
        return SecondPassRerank(model=_alike(), top_n=3)
    return CrossEncoderReranker(model=SecondPassCrossEncoder(_alike()))


def test_cross_encoder_reranker_rerank(top3: BaseDocumentCompressor) -> None:
    texts = ["aaa1", "bbb1", "aaa2", "bbb2", "aaa3", "bbb3"]
    done = top3.compress_documents([Document(page_content=t) for t in texts], "bbb2")
    assert [d.page_content for d in done] == ["bbb2", "bbb1", "bbb3"]


def test_cross_encoder_reranker_rerank_empty(top3: BaseDocumentCompressor) -> None:
    assert len(top3.compress_documents([], "query")) == 0


QUERY = "When is the Apple's conference call scheduled?"
APPLE = "Apple's conference call to discuss results is scheduled for Thursday, November 2."
VOYAGE = [
    "The Mediterranean diet emphasizes fish, olive oil, and vegetables.",
    "Photosynthesis in plants converts light energy into glucose.",
    APPLE,
    "Shakespeare's works, like 'Hamlet', endure in literature.",
]


def test_voyage_exact_documents() -> None:
    documents = [Document(page_content=t) for t in VOYAGE]
    done = SecondPassRerank(model=Score(FakeScorer()), top_n=1).compress_documents(documents, QUERY)
    details = {
        "scale": "raw",
        "rank": 0,
        "position": 2,
        "score": 6.0,
        "probability": None,
        "retrieval_score": None,
        "retrieval_rank": 2,
        "evidence": [],
        "notes": {},
        "status": "complete",
        "events": [],
    }
    assert done == [
        Document(page_content=APPLE, metadata={"relevance_score": 6.0, "secondpass": details})
    ]


def test_voyage_empty_input() -> None:
    rerank = SecondPassRerank(model=Score(FakeScorer()))
    assert rerank.compress_documents(documents=[], query=QUERY) == []


@pytest.mark.parametrize("top_n", [0, 1, 3, 7, 13, 24, 25, 48, None])
def test_nvidia_top_n(top_n: int | None) -> None:
    documents = [Document(page_content=f"chunk {i}") for i in range(24)]
    rerank = SecondPassRerank(model=_alike(), top_n=top_n)
    done = rerank.compress_documents(documents=documents, query="chunk 17")
    assert len(done) == (24 if top_n is None else min(24, top_n))
    scores = [d.metadata["relevance_score"] for d in done]
    assert all(isinstance(s, float) for s in scores)
    assert scores == sorted(scores, reverse=True)
    assert top_n == 0 or done[0].page_content == "chunk 17"


@pytest.mark.parametrize("top_n", [-1, -10, -100])
def test_nvidia_negative_top_n(top_n: int) -> None:
    with pytest.raises(ValidationError):
        SecondPassRerank(model=_alike(), top_n=top_n)
