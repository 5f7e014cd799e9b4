"""What the tests of LlamaIndex's own rerankers ask for, asked of this one.

Written anew after llama-index-core's tests/postprocessor (llm, structured llm, rankgpt, sbert) and
those of the tei, cohere and mixedbread integrations: the same nodes, answers and expectations.
"""

from __future__ import annotations

import asyncio

import pytest
from llama_index.core.schema import (
    Document,
    ImageNode,
    MediaResource,
    Node,
    NodeWithScore,
    QueryBundle,
    TextNode,
)
from llama_index.postprocessor.secondpass import SecondPassRerank

from secondpass import Order, Ranking, Score, Stage
from secondpass.testing import FakeScorer

RELEVANCE = {"Test": 1.0, "Test2": 0.0, "Test3": 3.0, "Test4": 0.0,
             "Test5": 5.0, "Test6": 0.0, "Test7": 7.0, "Test8": 0.0}  # fmt: skip


def scored(*texts: str, score: float | None = None) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=text), score=score) for text in texts]


def test_llm_rerank_eight_nodes_the_three_best(raw):
    out = SecondPassRerank(model=raw(RELEVANCE), top_n=3).postprocess_nodes(
        scored(*RELEVANCE), QueryBundle("What is?")
    )
    assert [n.node.get_content() for n in out] == ["Test7", "Test5", "Test3"]


def test_structured_llm_rerank_nothing_relevant_is_cut_by_the_threshold(probable):
    out = SecondPassRerank(
        model=probable({t: s - 0.5 for t, s in RELEVANCE.items()}), threshold=0.5
    ).postprocess_nodes(scored(*RELEVANCE), QueryBundle("What is?"))
    assert [n.node.get_content() for n in out] == ["Test7", "Test5", "Test3", "Test"]


def test_llm_rerank_multimodal_nodes_come_back_as_they_were():
    given = [
        NodeWithScore(node=node)
        for node in (
            TextNode(text="Test"),
            ImageNode(image="aGk="),
            Node(image_resource=MediaResource(data=b"aGk=")),
            Node(audio_resource=MediaResource(data=b"aGk=")),
        )
    ]
    out = SecondPassRerank(model=Score(FakeScorer())).postprocess_nodes(given, query_str="Test")
    assert [n.node_id for n in out] == [n.node_id for n in given]
    assert [type(n.node) for n in out] == [type(n.node) for n in given]
    ours = {"metadata", "excluded_llm_metadata_keys", "excluded_embed_metadata_keys"}
    for before, after in zip(given, out, strict=True):
        assert after.node.model_dump(exclude=ours) == before.node.model_dump(exclude=ours)


class SecondFirst:
    """The canned answer of the RankGPT tests: [2] > [1] > [3]."""

    name = "second-first"

    def order(self, query, texts):
        return [1, 0, 2]


def test_rankgpt_rerank():
    out = SecondPassRerank(model=Order(SecondFirst()), top_n=2).postprocess_nodes(
        scored("Test", "Test2", "Test3"), query_str="Test query"
    )
    assert [n.node.get_content() for n in out] == ["Test2", "Test"]


async def test_rankgpt_rerank_async():
    class Slow(Stage):
        name = "slow"

        async def arun(self, rankings: list[Ranking]) -> list[Ranking]:
            await asyncio.sleep(0)
            return [r.reordered([1, 0, 2], by=self.name) for r in rankings]

    out = await SecondPassRerank(model=Slow(), top_n=2).apostprocess_nodes(
        scored("Test", "Test2", "Test3"), query_str="Test query"
    )
    assert [n.node.get_content() for n in out] == ["Test2", "Test"]


def test_tei_rerank_logic_and_keep_retrieval_score(raw):
    given = scored("text1", "text2", score=0.5)
    out = SecondPassRerank(model=raw({"text1": 0.1, "text2": 0.9}), top_n=2).postprocess_nodes(
        given, query_bundle=QueryBundle(query_str="test query")
    )
    assert [(n.node.text, n.score) for n in out] == [("text2", 0.9), ("text1", 0.1)]
    assert [n.node.metadata["secondpass"]["retrieval_score"] for n in out] == [0.5, 0.5]
    assert [n.score for n in given] == [0.5, 0.5]


def test_cohere_one_node_through_the_private_method(raw):
    out = SecondPassRerank(model=raw({"test document": 0.9}))._postprocess_nodes(
        scored("test document", score=0.5), QueryBundle(query_str="test query")
    )
    assert [n.score for n in out] == [0.9]


def test_mixedbread_accuracy():
    given = [NodeWithScore(node=Document(text=text)) for text in ("Mockingbird", "Moby-Dick")]
    result = SecondPassRerank(model=Score(FakeScorer())).postprocess_nodes(
        given, query_str="Moby-Dick"
    )
    assert isinstance(result, list)
    assert len(result) == 2
    assert all(isinstance(n, NodeWithScore) for n in result)
    assert all(isinstance(n.node, Document) for n in result)
    assert all(isinstance(n.score, float) for n in result)
    assert result[0].node.text == "Moby-Dick"


@pytest.mark.parametrize("top_n", [1, 2, 3])
def test_nvidia_top_n_larger_equal_and_smaller(raw, top_n):
    out = SecondPassRerank(model=raw({"a": 1.0, "b": 2.0}), top_n=top_n).postprocess_nodes(
        scored("a", "b"), query_str="q"
    )
    assert len(out) == min(top_n, 2)
