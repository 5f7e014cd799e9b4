"""In Haystack's own pipelines: retrievers, joins, async, YAML, tracing."""

from __future__ import annotations

import math
from typing import Any

import pytest
from haystack import Document, Pipeline, component
from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers.in_memory import (
    InMemoryBM25Retriever,
    InMemoryEmbeddingRetriever,
)
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack_integrations.components.rankers.secondpass import SecondPassRanker

TEXTS = [
    "Faust is also a family name, common in southern Germany.",
    "Goethe wrote the play Faust over some sixty years.",
    "Cats sleep for most of the day.",
    "The museum of Faust memorabilia is closed on Mondays.",
]
QUERY = "who wrote Faust?"
BEST = TEXTS[1]


def embedded(text: str) -> list[float]:
    """Counts of letters, of length 1: enough for a retriever to order by."""
    counts = [float(text.lower().count(letter)) for letter in "aeiouwfst"]
    length = math.sqrt(sum(c * c for c in counts)) or 1.0
    return [c / length for c in counts]


@component
class Embedder:
    """As Haystack's text embedders, without a model."""

    @component.output_types(embedding=list[float])
    def run(self, text: str) -> dict[str, list[float]]:
        return {"embedding": embedded(text)}


@pytest.fixture(scope="module")
def store() -> InMemoryDocumentStore:
    store = InMemoryDocumentStore()
    store.write_documents(
        [Document(content=t, meta={"n": i}, embedding=embedded(t)) for i, t in enumerate(TEXTS)]
    )
    return store


def behind_bm25(store: InMemoryDocumentStore, ranker: SecondPassRanker) -> Pipeline:
    pipeline = Pipeline()
    pipeline.add_component("retriever", InMemoryBM25Retriever(store, top_k=10))
    pipeline.add_component("ranker", ranker)
    pipeline.connect("retriever.documents", "ranker.documents")
    return pipeline


def asked(query: str = QUERY, **options: Any) -> dict[str, Any]:
    return {"retriever": {"query": query}, "ranker": {"query": query, **options}}


def test_behind_bm25(store: InMemoryDocumentStore) -> None:
    out = behind_bm25(store, SecondPassRanker(top_k=2)).run(asked())["ranker"]
    first, second = out["documents"]
    assert first.content == BEST
    assert 1 > first.score > second.score > 0
    said = first.meta["secondpass"]
    assert said["scale"] == "probability"
    assert said["retrieval_score"] > 0, "BM25's score is kept"
    assert first.meta["n"] == 1
    kept = {document.id: document for document in store.filter_documents()}
    assert kept[first.id].score is None, "the store's own document was changed"
    assert "secondpass" not in kept[first.id].meta
    assert out["meta"]["status"] == "complete"


def test_behind_an_embedding_retriever(store: InMemoryDocumentStore) -> None:
    pipeline = Pipeline()
    pipeline.add_component("embedder", Embedder())
    pipeline.add_component("retriever", InMemoryEmbeddingRetriever(store, top_k=4))
    pipeline.add_component("ranker", SecondPassRanker(top_k=1))
    pipeline.connect("embedder.embedding", "retriever.query_embedding")
    pipeline.connect("retriever.documents", "ranker.documents")
    out = pipeline.run({"embedder": {"text": QUERY}, "ranker": {"query": QUERY}})
    (best,) = out["ranker"]["documents"]
    assert best.content == BEST
    assert best.embedding is None, "what the retriever left out is not put back"


async def test_two_retrievers_joined_with_one_text_twice_async_too(
    store: InMemoryDocumentStore,
) -> None:
    pipeline = Pipeline()
    pipeline.add_component("embedder", Embedder())
    pipeline.add_component("dense", InMemoryEmbeddingRetriever(store, top_k=3))
    pipeline.add_component("sparse", InMemoryBM25Retriever(store, top_k=3))
    pipeline.add_component("joiner", DocumentJoiner("reciprocal_rank_fusion"))
    pipeline.add_component("ranker", SecondPassRanker())
    pipeline.connect("embedder.embedding", "dense.query_embedding")
    pipeline.connect("dense.documents", "joiner.documents")
    pipeline.connect("sparse.documents", "joiner.documents")
    pipeline.connect("joiner.documents", "ranker.documents")
    data = {"embedder": {"text": QUERY}, "sparse": {"query": QUERY}, "ranker": {"query": QUERY}}
    out = pipeline.run(data)["ranker"]
    assert out["documents"][0].content == BEST
    assert await pipeline.run_async(data) == {"ranker": out}


async def test_run_async_gives_the_same(store: InMemoryDocumentStore) -> None:
    pipeline = behind_bm25(store, SecondPassRanker(top_k=3))
    assert await pipeline.run_async(asked()) == pipeline.run(asked())


def test_options_can_be_given_to_the_run(store: InMemoryDocumentStore) -> None:
    pipeline = behind_bm25(store, SecondPassRanker(top_k=1))
    assert len(pipeline.run(asked(top_k=2))["ranker"]["documents"]) == 2
    nothing = pipeline.run(asked(threshold=1.0))["ranker"]
    assert nothing["documents"] == []
    (event,) = nothing["meta"]["events"]
    assert event["kind"] == "dropped"


def test_yaml_and_back(store: InMemoryDocumentStore) -> None:
    ranker = SecondPassRanker(
        top_k=2, threshold=0.01, keep_at_least=1, deadline=60, meta_fields_to_embed=["n"]
    )
    pipeline = behind_bm25(store, ranker)
    text = pipeline.dumps()
    assert "builtin@" in text, "the revision of the weights is written"
    again = Pipeline.loads(text)
    assert again.dumps() == text
    documents = [Document(content=t) for t in TEXTS]
    ranked = again.get_component("ranker").run(query=QUERY, documents=documents)
    assert ranked == ranker.run(query=QUERY, documents=documents)


def test_a_file_written_by_hand() -> None:
    name = "haystack_integrations.components.rankers.secondpass.ranker.SecondPassRanker"
    text = f"""
components:
  ranker:
    type: {name}
    init_parameters:
      model: builtin
      top_k: 1
connections: []
"""
    documents = [Document(content=t) for t in TEXTS]
    out = Pipeline.loads(text).run({"ranker": {"query": QUERY, "documents": documents}})
    (best,) = out["ranker"]["documents"]
    assert best.content == BEST


def test_the_span_is_a_child_of_the_components(store: InMemoryDocumentStore, recorder: Any) -> None:
    behind_bm25(store, SecondPassRanker()).run(asked())
    (span,) = [span for span in recorder.spans if span.name == "secondpass.rerank"]
    assert span.parent == "haystack.component.run"
    assert span.tags["secondpass.model"].startswith("builtin@")
    assert span.tags["secondpass.documents"] == span.tags["secondpass.kept"] > 0
    assert "secondpass.query" not in span.tags, "content is told only where the user allows it"


def test_haystack_was_told_not_to_phone_home() -> None:
    from haystack.telemetry import _telemetry

    assert _telemetry.telemetry is None
