"""Bugs that other rerankers for LangChain have, and what becomes of the documents here."""

from __future__ import annotations

from langchain_core.documents import Document
from langchain_secondpass import SecondPassRerank

from secondpass import Order, Stage
from secondpass.testing import FakeJudge


def test_the_score_replaces_an_older_one_and_other_metadata_stays(query: str, raw: Stage) -> None:
    old = {"relevance_score": 0.99, "id": "mine", "score": 0.5, "secondpass": {"rank": 7}}
    documents = [Document(page_content="a file", metadata=old)]
    (done,) = SecondPassRerank(model=raw).compress_documents(documents, query)
    assert done.metadata == {
        "id": "mine",
        "score": 0.5,
        "relevance_score": 2.0,
        "secondpass": {
            "scale": "raw",
            "rank": 0,
            "position": 0,
            "score": 2.0,
            "probability": None,
            "retrieval_score": None,
            "retrieval_rank": 0,
            "evidence": [],
            "notes": {},
            "status": "complete",
            "events": [],
            "before": {"rank": 7},
        },
    }
    assert documents[0].metadata["relevance_score"] == 0.99


def test_an_order_leaves_no_stale_relevance_score(query: str) -> None:
    documents = [Document(page_content="a", metadata={"relevance_score": 0.99, "x": 1})]
    (done,) = SecondPassRerank(model=Order(FakeJudge())).compress_documents(documents, query)
    assert "relevance_score" not in done.metadata
    assert done.metadata["x"] == 1


def test_document_ids_are_kept(documents: list[Document], query: str, raw: Stage) -> None:
    """Cohere, Voyage, Jina and Infinity rebuild Document(page_content, metadata)."""
    documents.append(Document(page_content="read"))
    done = SecondPassRerank(model=raw).compress_documents(documents, query)
    assert {d.id for d in done} == {"doc-0", "doc-1", "doc-2", "doc-3", None}
    text_of = {d.id: d.page_content for d in documents}
    assert all(d.page_content == text_of[d.id] for d in done)


def test_duplicate_texts_stay_documents_of_their_own(query: str, raw: Stage) -> None:
    documents = [
        Document(id=id, page_content="read a file", metadata={"n": n})
        for n, id in enumerate(["x", "y", "y", None, None])
    ]
    done = SecondPassRerank(model=raw).compress_documents(documents, query)
    assert [(d.id, d.metadata["n"]) for d in done] == [
        ("x", 0), ("y", 1), ("y", 2), (None, 3), (None, 4),
    ]  # fmt: skip
    same = SecondPassRerank(model=raw).compress_documents([documents[0]] * 3, query)
    assert [d.metadata["secondpass"]["retrieval_rank"] for d in same] == [0, 1, 2]


def test_a_tuple_will_do(documents: list[Document], query: str, raw: Stage) -> None:
    rerank = SecondPassRerank(model=raw)
    tupled = rerank.compress_documents(tuple(documents), query)
    assert tupled == rerank.compress_documents(documents, query)
    assert type(tupled) is list


def test_documents_in_metadata_are_left_alone(query: str, raw: Stage) -> None:
    parent = Document(page_content="the whole", metadata={"relevance_score": 1})
    documents = [Document(page_content="a", metadata={"parent": parent, "many": [parent]})]
    (done,) = SecondPassRerank(model=raw).compress_documents(documents, query)
    assert done.metadata["parent"] is parent
    assert parent.metadata == {"relevance_score": 1}
