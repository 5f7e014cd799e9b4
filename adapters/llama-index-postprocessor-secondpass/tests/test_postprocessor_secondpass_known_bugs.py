"""One test for each bug known from other LlamaIndex rerankers, named after it.

Each fails on the behaviour that its name rules out.
"""

from __future__ import annotations

import asyncio
import copy
import json
import math
import threading

import numpy as np
import pytest
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.schema import MetadataMode, QueryBundle
from llama_index.postprocessor.secondpass import SecondPassRerank

from secondpass import (
    InvalidInputError,
    Order,
    OrderError,
    Ranking,
    Refine,
    Score,
    Stage,
    Threshold,
)
from secondpass.testing import FakeJudge, FakeScorer


class Answering:
    """A judge that answers with whatever it was made with."""

    name = "answering"

    def __init__(self, *answer: int) -> None:
        self.answer = answer

    def order(self, query, texts):
        return self.answer


def reversing() -> Stage:
    """Gives an order without scores: the last come first."""
    return Order(FakeJudge(lambda query, text: -len(text)))


# --- which node gets which place and which score


@pytest.mark.parametrize("answer", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_index_zero_does_not_return_the_last_node(nodes, answer):
    given = nodes("first", "second", "third")
    out = SecondPassRerank(model=Order(Answering(*answer))).postprocess_nodes(given, query_str="q")
    assert [n.node_id for n in out] == [given[i].node_id for i in answer]


@pytest.mark.parametrize("answer", [(-1, 0, 1), (-5, 0, 1), (1, 2, 3), (0, 1, 7)])
def test_an_index_out_of_range_is_an_error_of_its_own_and_no_other_node(nodes, answer):
    with pytest.raises(OrderError, match="permutation"):
        SecondPassRerank(model=Order(Answering(*answer))).postprocess_nodes(
            nodes("a", "b", "c"), query_str="q"
        )


def test_an_answer_that_repeats_an_index_does_not_return_a_node_twice(nodes):
    with pytest.raises(OrderError):
        SecondPassRerank(model=Order(Answering(0, 0, 1))).postprocess_nodes(
            nodes("a", "b", "c"), query_str="q"
        )


@pytest.mark.parametrize("answer", [(), (1,)])
def test_an_unusable_answer_does_not_empty_or_shorten_the_context(nodes, answer):
    with pytest.raises(OrderError):
        SecondPassRerank(model=Order(Answering(*answer))).postprocess_nodes(
            nodes("a", "b", "c"), query_str="q"
        )


def test_scores_are_not_assigned_to_the_wrong_nodes(nodes):
    texts = [f"{i * 37 % 50:02d}" for i in range(50)]
    out = SecondPassRerank(model=Score(FakeScorer(lambda q, t: float(t)))).postprocess_nodes(
        nodes(*texts), query_str="q"
    )
    assert [n.score for n in out] == [float(n.text) for n in out] == list(range(49, -1, -1))


def test_the_very_same_node_given_twice_comes_back_twice(nodes, raw):
    (one,) = nodes("x")
    out = SecondPassRerank(model=raw({"x": 1.0})).postprocess_nodes([one, one], query_str="q")
    assert [n.metadata["secondpass"]["retrieval_rank"] for n in out] == [0, 1]


# --- what the scores are


def test_numpy_floats_do_not_get_into_scores_or_metadata(nodes):
    class Numpy(FakeScorer):
        def score(self, pairs):
            return np.arange(len(pairs), dtype=np.float32)

    given = nodes("a", "b", "c")
    for n in given:
        n.score = np.float32(0.25)  # assignment does not validate
    out = SecondPassRerank(model=Score(Numpy())).postprocess_nodes(given, query_str="q")
    assert all(type(n.score) is float for n in out)
    assert all(type(n.metadata["secondpass"]["retrieval_score"]) is float for n in out)
    assert all(json.loads(n.to_json())["score"] == n.score for n in out)


def test_stale_scores_do_not_survive_an_order_only_rerank(nodes):
    given = nodes("a", "bb", "ccc")
    out = SecondPassRerank(model=reversing()).postprocess_nodes(given[::-1], query_str="q")
    assert [n.text for n in out] == ["a", "bb", "ccc"]
    assert [n.score for n in out] == [None] * 3
    assert [n.metadata["secondpass"]["scale"] for n in out] == ["order"] * 3
    assert [n.metadata["secondpass"]["retrieval_score"] for n in out] == [0.9, 0.8, 0.7]


def test_head_and_tail_of_a_partial_rerank_do_not_mix_their_scores(nodes, raw):
    model = Refine(raw({"a": -9.0, "b": -1.0}), 2)
    out = SecondPassRerank(model=model).postprocess_nodes(nodes("a", "b", "c"), query_str="q")
    assert [(n.text, n.score) for n in out] == [("b", None), ("a", None), ("c", None)]


def test_the_original_retrieval_score_is_not_lost(nodes, raw):
    out = SecondPassRerank(model=raw({"a": 1.0, "b": 2.0})).postprocess_nodes(
        nodes("a", "b"), query_str="q"
    )
    assert {n.text: n.metadata["secondpass"]["retrieval_score"] for n in out} == {
        "a": 0.9,
        "b": 0.8,
    }


def test_a_score_of_zero_is_not_taken_for_no_score(nodes, raw):
    out = SecondPassRerank(model=raw({"a": -1.0, "b": 0.0, "c": 1.0})).postprocess_nodes(
        nodes("a", "b", "c"), query_str="q"
    )
    assert [n.score for n in out] == [1.0, 0.0, -1.0]


def test_a_retrieval_score_of_zero_is_not_taken_for_none(nodes, raw):
    given = nodes("a")
    given[0].score = 0.0
    out = SecondPassRerank(model=raw({"a": 1.0})).postprocess_nodes(given, query_str="q")
    assert out[0].metadata["secondpass"]["retrieval_score"] == 0.0


def test_a_retrieval_score_that_is_no_number_does_not_break_json(nodes, raw):
    given = nodes("a")
    given[0].score = math.nan
    out = SecondPassRerank(model=raw({"a": 1.0})).postprocess_nodes(given, query_str="q")
    said = out[0].metadata["secondpass"]
    assert json.loads(json.dumps(said, allow_nan=False)) == said
    assert said["retrieval_score"] is None


def test_probabilities_are_the_same_whatever_the_other_nodes_are(nodes, probable):
    """Batches of an LLM's 1 to 10 are not comparable, and min-max makes a single node 0."""
    reranker = SecondPassRerank(model=probable({"a": 0.3, "b": 2.0, "c": -2.0}))
    together = reranker.postprocess_nodes(nodes("a", "b", "c"), query_str="q")
    (alone,) = reranker.postprocess_nodes(nodes("a"), query_str="q")
    assert alone.score == next(n.score for n in together if n.text == "a")


# --- what is cut


def test_no_default_cutoff_removes_negative_logits(nodes, raw):
    given = nodes("a", "b")
    reranker = SecondPassRerank(model=raw({"a": -7.0, "b": -3.0}))
    out = reranker.postprocess_nodes(given, query_str="q")
    assert [n.score for n in out] == [-3.0, -7.0]
    assert SimilarityPostprocessor().postprocess_nodes(out) == []  # the trap that remains upstream


def test_similarity_postprocessor_behind_us_keeps_probabilities(nodes, probable):
    out = SecondPassRerank(model=probable({"a": -7.0, "b": 3.0})).postprocess_nodes(
        nodes("a", "b"), query_str="q"
    )
    assert len(SimilarityPostprocessor().postprocess_nodes(out)) == 2
    assert len(SimilarityPostprocessor(similarity_cutoff=0.5).postprocess_nodes(out)) == 1


def test_a_threshold_does_not_compare_logits_with_a_probability(nodes, raw):
    reranker = SecondPassRerank(model=raw({"a": 0.7, "b": 0.2}) >> Threshold(0.5, scale="raw"))
    assert len(reranker.postprocess_nodes(nodes("a", "b"), query_str="q")) == 1
    with pytest.raises(TypeError, match="calibrated"):
        SecondPassRerank(model=raw({}), threshold=0.5)


# --- what is left alone


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_the_input_is_not_changed_in_place(nodes, colour):
    given = nodes("a", "b", source="s", nested={"list": [1]})
    given[0].node.excluded_llm_metadata_keys = ["source"]
    before, listed = copy.deepcopy(given), list(given)
    reranker = SecondPassRerank(model=Score(FakeScorer(lambda query, text: len(text))))
    if colour == "sync":
        out = reranker.postprocess_nodes(given, query_str="q")
    else:
        out = asyncio.run(reranker.apostprocess_nodes(given, query_str="q"))
    assert given == before
    assert all(a is b for a, b in zip(given, listed, strict=True))
    out[0].node.metadata["mine"] = 1
    out[0].node.excluded_llm_metadata_keys.append("mine")
    out[0].node.excluded_embed_metadata_keys.append("mine")
    out[0].node.set_content("other")
    out[0].score = 0.0
    assert given == before


def test_two_rerankers_side_by_side_do_not_corrupt_each_other(nodes, raw):
    given = nodes("a", "b")
    up = SecondPassRerank(model=raw({"a": 1.0, "b": 2.0}))
    down = SecondPassRerank(model=raw({"a": 2.0, "b": 1.0}))
    first = up.postprocess_nodes(given, query_str="q")
    second = down.postprocess_nodes(given, query_str="q")
    assert [(n.text, n.score) for n in first] == [("b", 2.0), ("a", 1.0)]
    assert [(n.text, n.score) for n in second] == [("a", 2.0), ("b", 1.0)]
    for out in (first, second):
        assert {n.text: n.metadata["secondpass"]["retrieval_score"] for n in out} == {
            "a": 0.9,
            "b": 0.8,
        }


def test_running_twice_loses_nothing(nodes, raw):
    reranker = SecondPassRerank(model=raw({"a": 1.0, "b": 2.0}))
    once = reranker.postprocess_nodes(nodes("a", "b"), query_str="q")
    before = copy.deepcopy(once)
    twice = reranker.postprocess_nodes(once, query_str="q")
    assert once == before
    assert [(n.text, n.score) for n in twice] == [("b", 2.0), ("a", 1.0)]
    said = twice[0].metadata["secondpass"]
    assert said["retrieval_score"] == 2.0
    assert said["before"] == before[0].metadata["secondpass"]
    assert said["before"]["retrieval_score"] == 0.8
    assert twice[0].node.excluded_llm_metadata_keys == ["secondpass"]
    assert twice[0].node.excluded_embed_metadata_keys == ["secondpass"]


def test_the_retrievers_score_does_not_leak_into_the_llm_prompt(nodes, raw):
    out = SecondPassRerank(model=raw({"source: s\n\na": 1.0})).postprocess_nodes(
        nodes("a", source="s"), query_str="q"
    )
    assert out[0].node.get_content(MetadataMode.LLM) == "source: s\n\na"


def test_the_retrievers_score_does_not_leak_into_the_next_rerankers_text(nodes):
    scorer = FakeScorer()
    reranker = SecondPassRerank(model=Score(scorer))
    out = reranker.postprocess_nodes(nodes("a", source="s"), query_str="q")
    reranker.postprocess_nodes(out, query_str="q")
    assert scorer.calls[1] == scorer.calls[0] == [("q", "source: s\n\na")]


def test_metadata_named_like_ours_does_not_overwrite_ours(nodes, raw):
    given = nodes("a", rank=99, score=99.0, retrieval_score=99.0)
    scorer = FakeScorer(lambda q, t: 1.0)
    (out,) = SecondPassRerank(model=Score(scorer)).postprocess_nodes(given, query_str="q")
    assert out.metadata["retrieval_score"] == 99.0
    assert out.metadata["secondpass"]["retrieval_score"] == 0.9
    assert out.metadata["secondpass"]["rank"] == 0
    assert out.score == 1.0


# --- empty input, events


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_empty_input_has_an_end_event_too_and_asks_no_model(events, callbacks, colour):
    scorer = FakeScorer()
    reranker = SecondPassRerank(model=Score(scorer), callback_manager=callbacks.manager)
    if colour == "sync":
        assert reranker.postprocess_nodes([], query_str="q") == []
    else:
        assert asyncio.run(reranker.apostprocess_nodes([], query_str="q")) == []
    assert [type(e).__name__ for e in events.reranks] == ["ReRankStartEvent", "ReRankEndEvent"]
    assert len(callbacks.started) == len(callbacks.ended) == 1
    assert scorer.calls == []


def test_no_start_event_before_the_query_is_checked(nodes, raw, events, callbacks):
    reranker = SecondPassRerank(model=raw({"a": 1.0}), callback_manager=callbacks.manager)
    for query in (None, QueryBundle(""), QueryBundle("  ")):
        with pytest.raises(InvalidInputError):
            reranker.postprocess_nodes(nodes("a"), query)
    assert events.reranks == []
    assert callbacks.started == []


def test_top_n_none_does_not_break_the_start_event(nodes, raw, events):
    SecondPassRerank(model=raw({"a": 1.0, "b": 2.0})).postprocess_nodes(
        nodes("a", "b"), query_str="q"
    )
    assert events.reranks[0].top_n == 2


def test_the_start_event_is_not_rewritten_by_the_result(nodes, raw, events):
    SecondPassRerank(model=raw({"a": 1.0, "b": 2.0})).postprocess_nodes(
        nodes("a", "b"), query_str="q"
    )
    start, end = events.reranks
    assert [(n.text, n.score, n.metadata) for n in start.nodes] == [("a", 0.9, {}), ("b", 0.8, {})]
    assert [(n.text, n.score) for n in end.nodes] == [("b", 2.0), ("a", 1.0)]


# --- async


class Waiting(Stage):
    """Waits as for a server: each call until `together` of them have met."""

    name = "waiting"

    def __init__(self, together: int = 1) -> None:
        self.meeting = asyncio.Barrier(together)
        self.threads: set[int] = set()

    async def arun(self, rankings: list[Ranking]) -> list[Ranking]:
        self.threads.add(threading.get_ident())
        await self.meeting.wait()
        return list(rankings)


async def test_cancelling_stops_the_stage_and_ends_the_callback_event(nodes, callbacks):
    stage = Waiting(together=2)
    reranker = SecondPassRerank(model=stage, callback_manager=callbacks.manager)
    task = asyncio.create_task(reranker.apostprocess_nodes(nodes("a"), query_str="q"))
    while not stage.meeting.n_waiting:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(callbacks.started) == len(callbacks.ended) == 1
