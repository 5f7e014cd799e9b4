"""Inside the real framework: query and chat engines, an index, an evaluator, both event systems."""

from __future__ import annotations

import asyncio

import pytest
from llama_index.core import Settings, VectorStoreIndex
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.chat_engine import ContextChatEngine
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.evaluation import RetrieverEvaluator
from llama_index.core.llms import MockLLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.postprocessor.secondpass import SecondPassRerank

from secondpass import ModelError, Score, Stage
from secondpass.testing import FakeScorer

QUERY = "who wrote faust"
TEXTS = ("The museum is closed.", "goethe wrote faust", "Nobody knows who.")
BEST = "goethe wrote faust"


class Retriever(BaseRetriever):
    """Finds the same nodes whatever is asked, with a score that would catch the eye."""

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [
            NodeWithScore(node=TextNode(id_=f"n{i}", text=text), score=0.123456789)
            for i, text in enumerate(TEXTS)
        ]


@pytest.fixture
def reranker() -> SecondPassRerank:
    return SecondPassRerank(model=Score(FakeScorer()), top_n=2)


@pytest.fixture
def llm(monkeypatch) -> MockLLM:
    """Answers with its own prompt, which is therefore what tests read."""
    mock = MockLLM()
    monkeypatch.setattr(Settings, "_llm", mock)
    return mock


def heard_by(callbacks, llm, reranker) -> RetrieverQueryEngine:
    return RetrieverQueryEngine.from_args(
        Retriever(),
        llm=llm,
        node_postprocessors=[reranker],
        response_mode="no_text",
        callback_manager=callbacks.manager,
    )


async def ask(engine, colour: str):
    return engine.query(QUERY) if colour == "sync" else await engine.aquery(QUERY)


@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_a_query_engine_gives_the_reranked_nodes(reranker, llm, colour):
    engine = RetrieverQueryEngine.from_args(
        Retriever(), llm=llm, node_postprocessors=[reranker], response_mode="no_text"
    )
    response = await ask(engine, colour)
    assert [(n.text, n.score) for n in response.source_nodes] == [(BEST, 2.0), (TEXTS[2], 1.0)]
    assert response.source_nodes[0].metadata["secondpass"]["retrieval_score"] == 0.123456789


@pytest.mark.parametrize("colour", ["sync", "async"])
@pytest.mark.parametrize("mode", ["compact", "refine", "tree_summarize"])
async def test_the_prompt_holds_the_best_texts_and_no_score(reranker, llm, colour, mode):
    engine = RetrieverQueryEngine.from_args(
        Retriever(), llm=llm, node_postprocessors=[reranker], response_mode=mode
    )
    prompt = str(await ask(engine, colour))
    assert TEXTS[2] in prompt
    assert mode == "refine" or BEST in prompt
    assert TEXTS[0] not in prompt
    assert "0.123456789" not in prompt
    assert "secondpass" not in prompt
    assert "retrieval" not in prompt


def test_two_rerankers_in_one_engine(llm):
    scorer = FakeScorer()
    engine = RetrieverQueryEngine.from_args(
        Retriever(),
        llm=llm,
        node_postprocessors=[
            SecondPassRerank(model=Score(FakeScorer(lambda q, t: len(t))), top_n=2),
            SecondPassRerank(model=Score(scorer), top_n=1),
        ],
        response_mode="compact",
    )
    response = engine.query(QUERY)
    assert sorted(text for _, text in scorer.calls[0]) == sorted([TEXTS[0], BEST])
    (kept,) = response.source_nodes
    assert kept.metadata["secondpass"]["before"]["retrieval_score"] == 0.123456789
    assert "0.123456789" not in str(response)


@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_a_vector_index_as_query_engine(reranker, llm, colour):
    index = VectorStoreIndex(
        [TextNode(text=t) for t in TEXTS], embed_model=MockEmbedding(embed_dim=4)
    )
    engine = index.as_query_engine(
        llm=llm, similarity_top_k=3, node_postprocessors=[reranker], response_mode="compact"
    )
    response = await ask(engine, colour)
    assert response.source_nodes[0].text == BEST
    assert len(response.source_nodes) == 2
    assert "retrieval_score" not in str(response)
    found = {n.text: n.metadata for n in index.as_retriever(similarity_top_k=3).retrieve(QUERY)}
    assert "secondpass" not in found[BEST]  # the index's own nodes were left alone


async def test_reranked_nodes_embed_as_before(reranker):
    """What a model embeds of a node is not changed by our having been there."""
    given = Retriever().retrieve(QUERY)
    out = reranker.postprocess_nodes(given, query_str=QUERY)
    before = {n.node_id: n.node.get_content("embed") for n in given}
    assert all(n.node.get_content("embed") == before[n.node_id] for n in out)


async def test_the_retriever_evaluator_calls_sync_inside_a_running_loop(reranker):
    evaluator = RetrieverEvaluator.from_metric_names(
        ["mrr", "hit_rate"], retriever=Retriever(), node_postprocessors=[reranker]
    )
    result = await evaluator.aevaluate(QUERY, expected_ids=["n1"])
    assert result.retrieved_ids == ["n1", "n2"]
    assert result.metric_vals_dict == {"mrr": 1.0, "hit_rate": 1.0}


@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_a_chat_engine(reranker, llm, colour):
    engine = ContextChatEngine.from_defaults(
        retriever=Retriever(),
        llm=llm,
        node_postprocessors=[reranker],
        memory=ChatMemoryBuffer.from_defaults(llm=llm),  # the default one leaves SQLite open
    )
    answer = engine.chat(QUERY) if colour == "sync" else await engine.achat(QUERY)
    assert [n.text for n in answer.source_nodes] == [BEST, TEXTS[2]]
    assert BEST in str(answer)
    assert "0.123456789" not in str(answer)


# --- instrumentation


@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_rerank_events_carry_query_nodes_top_n_and_model(
    reranker, llm, events, spans, colour
):
    engine = RetrieverQueryEngine.from_args(
        Retriever(), llm=llm, node_postprocessors=[reranker], response_mode="no_text"
    )
    await ask(engine, colour)
    start, end = events.reranks
    assert start.query.query_str == QUERY
    assert [n.text for n in start.nodes] == list(TEXTS)
    assert (start.top_n, start.model_name) == (2, "fake-scorer")
    assert [n.text for n in end.nodes] == [BEST, TEXTS[2]]
    assert start.span_id
    assert start.span_id == end.span_id
    method = "_postprocess_nodes" if colour == "sync" else "_apostprocess_nodes"
    assert start.span_id.startswith(f"SecondPassRerank.{method}-")
    assert start.span_id in spans.entered
    assert start.span_id in spans.exited
    assert spans.dropped == []


async def test_concurrent_calls_keep_their_spans_apart(reranker, events):
    given = Retriever().retrieve(QUERY)
    await asyncio.gather(
        *(reranker.apostprocess_nodes(given, query_str=f"{QUERY} {i}") for i in range(5))
    )
    ids = [e.span_id for e in events.reranks]
    assert len(ids) == 10
    assert sorted(ids) == sorted([*set(ids), *set(ids)])  # a start and an end in each span
    assert len(set(ids)) == 5


class Broken(Stage):
    name = "broken"

    def run(self, rankings):
        raise ModelError("the weights are gone")


@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_a_failure_drops_the_span_and_ends_the_callback_with_it(
    llm, events, spans, callbacks, colour
):
    engine = heard_by(callbacks, llm, SecondPassRerank(model=Broken()))
    with pytest.raises(ModelError, match="the weights are gone"):
        await ask(engine, colour)
    (start,) = events.reranks
    assert start.span_id in spans.dropped
    starts, ends = callbacks.of(CBEventType.RERANKING)
    assert len(starts) == len(ends) == 1
    assert isinstance(ends[0][EventPayload.EXCEPTION], ModelError)


# --- callbacks


@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_the_engines_callback_manager_hears_of_the_rerank(reranker, llm, callbacks, colour):
    """An engine puts its own manager in place of the postprocessor's."""
    engine = heard_by(callbacks, llm, reranker)
    assert reranker.callback_manager is callbacks.manager
    response = await ask(engine, colour)
    (asked,), (answered,) = callbacks.of(CBEventType.RERANKING)
    assert asked[EventPayload.QUERY_STR] == QUERY
    assert asked[EventPayload.MODEL_NAME] == "fake-scorer"
    assert asked[EventPayload.TOP_K] == 2
    assert [n.text for n in asked[EventPayload.NODES]] == list(TEXTS)
    assert answered == {EventPayload.NODES: response.source_nodes}


@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_why_no_node_is_left_is_told_to_both_event_systems(
    probable, llm, events, callbacks, colour
):
    nothing = SecondPassRerank(model=probable(dict.fromkeys(TEXTS, -2.0)), threshold=0.9)
    engine = heard_by(callbacks, llm, nothing)
    assert (await ask(engine, colour)).source_nodes == []
    (said,) = events.reranks[-1].tags["secondpass"]
    assert (said["stage"], said["kind"]) == ("p>=0.9", "dropped")
    assert f"{len(TEXTS)} of {len(TEXTS)} dropped" in said["message"]
    _, (answered,) = callbacks.of(CBEventType.RERANKING)
    assert answered == {EventPayload.NODES: [], "secondpass": [said]}


@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_keep_at_least_in_place_of_an_empty_response(probable, llm, colour):
    """LlamaIndex asks no LLM where no node is left, and answers with this text."""
    model = probable(dict.fromkeys(TEXTS, -2.0) | {BEST: -1.0})
    options = [{"threshold": 0.9}, {"threshold": 0.9, "keep_at_least": 1}]
    empty, kept = (
        RetrieverQueryEngine.from_args(
            Retriever(),
            llm=llm,
            node_postprocessors=[SecondPassRerank(model=model, **given)],
            response_mode="compact",
        )
        for given in options
    )
    assert str(await ask(empty, colour)) == "Empty Response"
    response = await ask(kept, colour)
    assert [n.text for n in response.source_nodes] == [BEST]
    assert BEST in str(response)
    assert TEXTS[0] not in str(response)


def test_the_event_that_starts_is_the_event_that_ends(callbacks):
    reranker = SecondPassRerank(model=Score(FakeScorer()), callback_manager=callbacks.manager)
    reranker.postprocess_nodes(Retriever().retrieve(QUERY), query_str=QUERY)
    assert [id_ for _, _, id_ in callbacks.started] == [id_ for _, _, id_ in callbacks.ended]


def test_without_a_callback_manager_there_is_a_silent_one(reranker):
    assert isinstance(reranker.callback_manager, CallbackManager)
    assert reranker.callback_manager.handlers == []
