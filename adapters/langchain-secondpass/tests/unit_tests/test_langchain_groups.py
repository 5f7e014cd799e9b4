"""Chunks of one source rank together, also behind LangChain's own parent document retriever."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever, ParentDocumentRetriever
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.stores import InMemoryStore
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_secondpass import SecondPassRerank
from langchain_text_splitters import RecursiveCharacterTextSplitter

from secondpass import Score, Stage
from secondpass.stages import Evidence
from secondpass.testing import FakeScorer

QUERY = "how do I read a file"


def parts() -> list[Document]:
    return [
        Document(page_content="a file", metadata={"source": "x"}),
        Document(page_content="the museum is closed", metadata={"source": "y"}),
        Document(page_content="how do I read a file at once", metadata={"source": "y"}),
        Document(page_content="read a file", metadata={}),
    ]


def test_parts_score_and_documents_rank(raw: Stage) -> None:
    done = SecondPassRerank(model=raw, group_by="source").compress_documents(parts(), QUERY)
    assert [d.metadata.get("source") for d in done] == ["y", "y", None, "x"]
    assert [d.page_content[:3] for d in done[:2]] == ["how", "the"]
    assert done[0].metadata["relevance_score"] == done[1].metadata["relevance_score"] == 6.0


async def test_top_n_counts_documents(raw: Stage) -> None:
    reranker = SecondPassRerank(model=raw, group_by="source", top_n=1)
    done = await reranker.acompress_documents(parts(), QUERY)
    assert [d.metadata["source"] for d in done] == ["y", "y"]
    assert done[0].metadata["secondpass"]["events"][-1]["kind"] == "dropped"


def test_wholes_are_read_as_one_text() -> None:
    seen: list[str] = []

    def score(query: str, text: str) -> float:
        seen.append(text)
        return float(len(text))

    reranker = SecondPassRerank(
        model=Score(FakeScorer(score)), group_by="source", group_score="wholes"
    )
    done = reranker.compress_documents(parts(), QUERY)
    assert "the museum is closed\n\nhow do I read a file at once" in seen
    assert len(seen) == 3
    assert [d.metadata.get("source") for d in done[:2]] == ["y", "y"]


@pytest.mark.parametrize(
    "options", [{"group_by": ""}, {"group_by": "source", "group_score": "sentences"}]
)
def test_what_is_no_group(raw: Stage, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"group_score|name of a field"):
        SecondPassRerank(model=raw, **options)


def test_evidence_is_in_the_metadata(raw: Stage) -> None:
    reranker = SecondPassRerank(model=raw >> Evidence(FakeScorer()))
    document = Document(page_content="The museum is closed. How do I read a file?")
    (done,) = reranker.compress_documents([document], QUERY)
    span = done.metadata["secondpass"]["evidence"][0]
    assert done.page_content[span["start"] : span["end"]] == "How do I read a file?"


def test_whole_parents_are_read_to_their_end() -> None:
    """LangChain's retriever finds small chunks and returns the long document that they are from."""
    retriever = ParentDocumentRetriever(
        vectorstore=InMemoryVectorStore(DeterministicFakeEmbedding(size=8)),
        docstore=InMemoryStore(),
        child_splitter=RecursiveCharacterTextSplitter(chunk_size=2_000, chunk_overlap=0),
        search_kwargs={"k": 50},
    )
    filler = "Cats sleep for most of the day. " * 120
    retriever.add_documents(
        [
            Document(page_content=filler * 2, metadata={"n": 0}),
            Document(page_content=filler + "Goethe wrote Faust. " + filler, metadata={"n": 1}),
        ]
    )
    compressed = ContextualCompressionRetriever(
        base_compressor=SecondPassRerank(), base_retriever=retriever
    )
    done = compressed.invoke("who wrote Faust?")
    assert [d.metadata["n"] for d in done] == [1, 0]
    span = done[0].metadata["secondpass"]["evidence"][0]
    assert "Goethe" in done[0].page_content[span["start"] : span["end"]]


def test_parents_of_one_source_rank_together(raw: Stage) -> None:
    """Its parent document retriever, whose parents are parts of the sources that came in."""
    retriever = ParentDocumentRetriever(
        vectorstore=InMemoryVectorStore(DeterministicFakeEmbedding(size=8)),
        docstore=InMemoryStore(),
        child_splitter=RecursiveCharacterTextSplitter(chunk_size=40, chunk_overlap=0),
        parent_splitter=RecursiveCharacterTextSplitter(chunk_size=120, chunk_overlap=0),
        search_kwargs={"k": 50},
    )
    texts = {"x": "The museum is closed. " * 12, "y": "It is late. " * 20 + QUERY + " at once?"}
    retriever.add_documents(
        [Document(page_content=text, metadata={"source": name}) for name, text in texts.items()]
    )
    compressed = ContextualCompressionRetriever(
        base_compressor=SecondPassRerank(model=raw, group_by="source", top_n=1),
        base_retriever=retriever,
    )
    done = compressed.invoke(QUERY)
    assert len(done) > 1
    assert {d.metadata["source"] for d in done} == {"y"}
    assert QUERY in done[0].page_content
