"""Nodes of one document rank together, and LlamaIndex's sentence windows are read."""

from __future__ import annotations

import pytest
from llama_index.core import Document, StorageContext, VectorStoreIndex
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.node_parser import (
    HierarchicalNodeParser,
    SentenceSplitter,
    SentenceWindowNodeParser,
    get_leaf_nodes,
)
from llama_index.core.postprocessor import MetadataReplacementPostProcessor
from llama_index.core.retrievers import AutoMergingRetriever
from llama_index.core.schema import QueryBundle
from llama_index.postprocessor.secondpass import SecondPassRerank

from secondpass import InvalidInputError, Score
from secondpass.stages import Evidence
from secondpass.testing import FakeScorer

QUERY = "who wrote Faust?"
FAUST = (
    "Faust is a play in two parts. It tells of a scholar. Goethe wrote Faust in Weimar. "
    "The second part came late. It was printed after his death."
)
CATS = "Cats sleep for most of the day. They wake at night. Dogs bark. Birds sing. Fish swim."


def retrieved(parser, most=20):
    nodes = parser.get_nodes_from_documents(
        [Document(id_="cats", text=CATS), Document(id_="faust", text=FAUST)]
    )
    index = VectorStoreIndex(nodes, embed_model=MockEmbedding(embed_dim=4))
    return index.as_retriever(similarity_top_k=most).retrieve(QUERY)


def test_nodes_score_and_documents_rank() -> None:
    nodes = retrieved(SentenceSplitter(chunk_size=24, chunk_overlap=0))
    assert len({n.node.ref_doc_id for n in nodes}) == 2
    model = Score(FakeScorer())
    done = SecondPassRerank(model=model, group_by="ref_doc_id").postprocess_nodes(
        nodes, query_str=QUERY
    )
    sources = [n.node.ref_doc_id for n in done]
    assert sources == sorted(sources, reverse=True)
    assert "Goethe" in done[0].node.get_content()
    assert len({n.score for n in done if n.node.ref_doc_id == "faust"}) == 1
    one = SecondPassRerank(model=model, group_by="ref_doc_id", top_n=1)
    assert {n.node.ref_doc_id for n in one.postprocess_nodes(nodes, query_str=QUERY)} == {"faust"}


async def test_documents_score() -> None:
    nodes = retrieved(SentenceSplitter(chunk_size=24, chunk_overlap=0))
    seen: list[str] = []

    def score(query, text):
        seen.append(text)
        return float("Goethe" in text)

    reranker = SecondPassRerank(
        model=Score(FakeScorer(score)), group_by="ref_doc_id", group_score="documents"
    )
    done = await reranker.apostprocess_nodes(nodes, QueryBundle(QUERY))
    assert len(seen) == 2
    assert len(done) == len(nodes)
    assert done[0].node.ref_doc_id == "faust"


def test_sentence_windows() -> None:
    """Sentences are found, windows are put in their place and then read."""
    nodes = retrieved(SentenceWindowNodeParser.from_defaults(window_size=1))
    windows = MetadataReplacementPostProcessor(target_metadata_key="window").postprocess_nodes(
        nodes
    )
    reranker = SecondPassRerank(
        model=Score(FakeScorer()) >> Evidence(FakeScorer()), metadata_mode="none"
    )
    best = reranker.postprocess_nodes(windows, query_str=QUERY)[0]
    span = best.node.metadata["secondpass"]["evidence"][0]
    assert "Goethe wrote Faust" in best.node.text[span["start"] : span["end"]]


def test_what_is_no_group() -> None:
    with pytest.raises(InvalidInputError, match="ref_doc_id"):
        SecondPassRerank(model=Score(FakeScorer()), group_by="")
    with pytest.raises(InvalidInputError, match="documents"):
        SecondPassRerank(model=Score(FakeScorer()), group_score="sentences")


def test_windows_of_one_document_rank_together() -> None:
    nodes = retrieved(SentenceWindowNodeParser.from_defaults(window_size=1))
    windows = MetadataReplacementPostProcessor(target_metadata_key="window").postprocess_nodes(
        nodes
    )
    reranker = SecondPassRerank(
        model=Score(FakeScorer()), group_by="ref_doc_id", top_n=1, metadata_mode="none"
    )
    done = reranker.postprocess_nodes(windows, query_str=QUERY)
    assert {n.node.ref_doc_id for n in done} == {"faust"}
    assert len(done) == 5
    assert "Goethe wrote Faust" in done[0].node.get_content()


def test_merged_parents_are_read_and_rank_by_document() -> None:
    """LlamaIndex's parent document retriever: leaves are found, and merged into their parents."""
    nodes = HierarchicalNodeParser.from_defaults(
        chunk_sizes=[64, 16], chunk_overlap=0
    ).get_nodes_from_documents([Document(id_="cats", text=CATS), Document(id_="faust", text=FAUST)])
    storage = StorageContext.from_defaults()
    storage.docstore.add_documents(nodes)
    index = VectorStoreIndex(
        get_leaf_nodes(nodes), storage_context=storage, embed_model=MockEmbedding(embed_dim=4)
    )
    found = AutoMergingRetriever(index.as_retriever(similarity_top_k=20), storage).retrieve(QUERY)
    reranker = SecondPassRerank(
        model=Score(FakeScorer()) >> Evidence(FakeScorer()), metadata_mode="none"
    )
    best = reranker.postprocess_nodes(found, query_str=QUERY)[0]
    assert len(best.node.get_content()) > 100  # a parent
    span = best.node.metadata["secondpass"]["evidence"][0]
    assert "Goethe wrote Faust" in best.node.get_content()[span["start"] : span["end"]]
