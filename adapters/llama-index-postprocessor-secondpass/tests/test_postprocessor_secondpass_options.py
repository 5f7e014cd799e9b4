"""Keywords that do not exist, options that are set later, `keep_at_least`, and what is printed."""

from __future__ import annotations

import re

import numpy as np
import pytest
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode
from llama_index.postprocessor.secondpass import SecondPassRerank

from secondpass import (
    InvalidInputError,
    NotCalibratedError,
    Score,
    Stage,
    Top,
    UnknownModelError,
    WrongCallError,
)
from secondpass.testing import FakeScorer


@pytest.mark.parametrize(
    ("keyword", "answer"),
    [
        ("top_k", "it is called 'top_n' here"),
        ("score_threshold", "it is called 'threshold' here"),
        ("similarity_cutoff", "it is called 'threshold' here"),
        ("model_name", "it is called 'model' here"),
        ("min_results", "it is called 'keep_at_least' here"),
        ("treshold", "it is called 'threshold' here"),
        ("device", r'load\("BACKEND:NAME", options=\{"device": \.\.\.\}\)'),
        ("cache", r'load\("BACKEND:NAME", cache=\.\.\.\)'),
        ("llm", "model=llm"),
        ("keep_retrieval_score", "is always kept"),
        ("colour", "top_n, threshold, keep_at_least"),
    ],
)
def test_a_keyword_of_another_reranker_is_answered_with_ours(raw, keyword, answer):
    with pytest.raises(WrongCallError, match=f"no keyword '{keyword}'; .*{answer}"):
        SecondPassRerank(**{"model": raw({}), keyword: 3})
    with pytest.raises(ValueError, match=f"no keyword '{keyword}'"):
        SecondPassRerank.model_validate({"model": raw({}), keyword: 3})
    reranker = SecondPassRerank(model=raw({}))
    with pytest.raises(WrongCallError, match=f"no option '{keyword}'; .*{answer}"):
        setattr(reranker, keyword, 3)


def test_a_model_set_later_is_loaded_as_one_given_at_first(nodes, raw, probable):
    reranker = SecondPassRerank(model=raw({}))
    reranker.model = "bm25"
    assert isinstance(reranker.model, Stage)
    out = reranker.postprocess_nodes(nodes("cats sleep", "goethe wrote faust"), query_str="faust")
    assert out[0].text == "goethe wrote faust"
    for model, error in (
        ("colbert:x", UnknownModelError),
        (None, InvalidInputError),
        (FakeScorer(), InvalidInputError),
    ):
        with pytest.raises(error):
            reranker.model = model
    assert "bm25" in repr(reranker)


def test_a_raw_model_set_later_is_refused_beside_a_threshold(raw, probable):
    reranker = SecondPassRerank(model=probable({}), threshold=0.5, keep_at_least=1)
    before = reranker.model
    with pytest.raises(NotCalibratedError, match="calibrated"):
        reranker.model = raw({})
    with pytest.raises(InvalidInputError, match="give threshold= too"):
        reranker.threshold = None
    assert reranker.model is before
    assert reranker.threshold == 0.5
    reranker.keep_at_least = 0
    reranker.threshold = None
    reranker.model = raw({})


@pytest.mark.parametrize("top_n", [True, 2.5, "3", -1])
def test_a_top_n_that_is_no_whole_number_is_refused(raw, top_n):
    with pytest.raises(InvalidInputError, match=f"top_n={top_n!r}: give a whole number"):
        SecondPassRerank(model=raw({}), top_n=top_n)


def test_numbers_of_numpy_are_stored_as_plain_ones(probable):
    reranker = SecondPassRerank(
        model=probable({}),
        top_n=np.int64(3),
        threshold=np.float32(0.5),
        keep_at_least=np.int64(1),
    )
    assert [type(v) for v in (reranker.top_n, reranker.threshold, reranker.keep_at_least)] == [
        int,
        float,
        int,
    ]


# --- keep_at_least


@pytest.mark.parametrize(("top_n", "kept"), [(None, 2), (5, 2), (1, 1), (0, 0)])
def test_so_many_stay_whatever_the_threshold_says(nodes, probable, events, top_n, kept):
    table = {"a": -4.0, "b": -2.0, "c": -3.0}
    reranker = SecondPassRerank(model=probable(table), threshold=0.5, keep_at_least=2, top_n=top_n)
    out = reranker.postprocess_nodes(nodes(*table), query_str="q")
    assert [n.text for n in out] == ["b", "c"][:kept]
    records = [n.metadata["secondpass"]["events"] for n in out]
    records.append(events.reranks[-1].tags["secondpass"])
    for below, dropped in records:
        assert (below["kind"], dropped["kind"]) == ("kept-below-threshold", "dropped")
        assert "2 kept below the threshold 0.5" in below["message"]
        assert "1 of 3 dropped" in dropped["message"]


def test_nothing_is_told_where_the_threshold_leaves_enough(nodes, probable):
    reranker = SecondPassRerank(model=probable({"a": 2.0}), threshold=0.5, keep_at_least=1)
    (out,) = reranker.postprocess_nodes(nodes("a"), query_str="q")
    assert out.metadata["secondpass"]["events"] == []


# --- what is printed


def test_the_repr_is_short_and_without_addresses(raw):
    reranker = SecondPassRerank(model=Top(3) >> raw({}))
    assert repr(reranker) == "SecondPassRerank(model=Top(3) >> fake-scorer)"
    assert str(reranker) == "model=Top(3) >> fake-scorer"
    assert repr(reranker.stage) == "Top(3) >> fake-scorer"


def test_the_repr_shows_what_is_not_the_default(probable):
    reranker = SecondPassRerank(
        model=probable({}),
        top_n=0,
        threshold=0.0,
        keep_at_least=2,
        metadata_mode=MetadataMode.NONE,
    )
    shown = repr(reranker)
    assert shown.endswith(", top_n=0, threshold=0.0, keep_at_least=2, metadata_mode='none')")
    assert repr(reranker.stage).endswith(">> p>=0 (keep at least 2) >> Top(0)")
    assert not re.search("0x[0-9a-f]{6}", shown + repr(reranker.stage))


# --- nodes in


@pytest.mark.parametrize("mode", list(MetadataMode))
def test_metadata_keys_of_several_types_are_no_error(mode):
    node = TextNode(text="body", metadata={"title": "T"})
    node.metadata[7] = "seven"  # which LlamaIndex checks in the constructor only
    node.metadata[None] = "nothing"
    scorer = FakeScorer()
    (out,) = SecondPassRerank(model=Score(scorer), metadata_mode=mode).postprocess_nodes(
        [NodeWithScore(node=node, score=0.5)], query_str="q"
    )
    (((_, read),),) = scorer.calls
    lines = "7: seven\nNone: nothing\ntitle: T\n\nbody"
    assert read == ("body" if mode is MetadataMode.NONE else lines)
    assert out.metadata[7] == "seven"
    assert list(node.metadata) == ["title", 7, None]


@pytest.mark.parametrize("wrong", ["text", TextNode(text="text"), None])
def test_what_is_not_a_node_with_a_score_is_refused_with_the_remedy(nodes, raw, wrong):
    with pytest.raises(InvalidInputError, match=r"node 1 is .*NodeWithScore\(node="):
        SecondPassRerank(model=raw({"a": 1.0})).postprocess_nodes(
            [*nodes("a"), wrong], query_str="q"
        )
