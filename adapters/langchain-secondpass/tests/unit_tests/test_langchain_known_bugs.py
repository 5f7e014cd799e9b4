"""Bugs that other rerankers for LangChain have, and what holds here of scores, cuts, orders."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_secondpass import SecondPassRerank

from secondpass import NotCalibratedError, Order, OrderError, Ranking, Score, ScoreError, Stage
from secondpass.stages import Pair
from secondpass.testing import FakeScorer, overlap


class _Answers(FakeScorer):
    """A scorer that answers what it was told to, fit or not."""

    def __init__(self, answer: Callable[[int], Any]) -> None:
        super().__init__()
        self.answer = answer

    def score(self, pairs: Sequence[Pair]) -> Any:
        return self.answer(len(pairs))


class _Judges:
    """A judge that answers what it was told to."""

    name = "judge"

    def __init__(self, answer: list[int]) -> None:
        self.answer = answer

    def order(self, query: str, texts: Sequence[str]) -> list[int]:
        return self.answer


# CrossEncoderReranker (langchain-classic)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_nan_is_refused(documents: list[Document], query: str, bad: float) -> None:
    stage = Score(FakeScorer(lambda q, t: bad if "museum" in t else overlap(q, t)))
    with pytest.raises(ScoreError, match="finite"):
        SecondPassRerank(model=stage).compress_documents(documents, query)


@pytest.mark.parametrize("extra", [-1, 1])
def test_as_many_scores_as_documents_or_an_error(
    documents: list[Document], query: str, extra: int
) -> None:
    stage = Score(_Answers(lambda n: [1.0] * (n + extra)))
    with pytest.raises(ScoreError, match="scores for 4"):
        SecondPassRerank(model=stage).compress_documents(documents, query)


def test_the_score_is_in_the_metadata(documents: list[Document], query: str, raw: Stage) -> None:
    done = SecondPassRerank(model=raw).compress_documents(documents, query)
    assert all(type(d.metadata["relevance_score"]) is float for d in done)


# FlashrankRerank (langchain-community)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_metadata_is_plain_json(
    documents: list[Document], query: str, kind: Callable[[float], Any]
) -> None:
    class Unchecked(Stage):
        """Makes its ranking by hand, past the code that makes numbers plain."""

        name = "unchecked"

        def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
            return [
                replace(r, candidates=tuple(replace(c, score=kind(1)) for c in r), scale="raw")
                for r in rankings
            ]

    for stage in (Score(_Answers(lambda n: [kind(i) for i in range(n)])), Unchecked()):
        _check_plain(SecondPassRerank(model=stage).compress_documents(documents, query))


def _check_plain(documents: Sequence[Document]) -> None:
    for done in documents:
        assert type(done.metadata["relevance_score"]) is float
        assert json.loads(done.model_dump_json())["metadata"] == json.loads(
            json.dumps(done.metadata)
        )


def test_the_threshold_comes_before_top_n(
    documents: list[Document], query: str, probable: Callable[..., Stage]
) -> None:
    rerank = SecondPassRerank(model=probable(), threshold=0.5, top_n=1)
    (done,) = rerank.compress_documents(documents, query)
    assert done.id == "doc-3"
    (event,) = done.metadata["secondpass"]["events"]
    assert event["message"].startswith("2 of 4 dropped"), "all four met the threshold"


def test_all_are_scored_before_top_n_cuts(
    documents: list[Document], query: str, raw: Stage
) -> None:
    (done,) = SecondPassRerank(model=raw, top_n=1).compress_documents(documents, query)
    assert done.metadata["secondpass"]["retrieval_rank"] == 3, "the last one in is the best"


@pytest.mark.parametrize("top_n", [0, None])
def test_zero_is_not_taken_for_not_given(
    documents: list[Document], query: str, raw: Stage, top_n: int | None
) -> None:
    """Haystack's rankers write `top_k or self.top_k` and `score_threshold or ...`."""
    done = SecondPassRerank(model=raw, top_n=top_n).compress_documents(documents, query)
    assert len(done) == (4 if top_n is None else 0)
    with pytest.raises(NotCalibratedError):
        SecondPassRerank(model=raw, threshold=0.0).compress_documents(documents, query)


# LLMListwiseRerank (langchain-classic): -1 is the last one, 9 an IndexError, the rest vanishes


@pytest.mark.parametrize("answer", [[-1, 0, 1, 2], [0, 0, 1, 2], [0, 1, 2, 9], [0, 1], []])
def test_a_judges_bad_answer_is_an_error_and_loses_no_document(
    documents: list[Document], query: str, answer: list[int]
) -> None:
    with pytest.raises(OrderError, match="permutation"):
        SecondPassRerank(model=Order(_Judges(answer))).compress_documents(documents, query)


@pytest.mark.parametrize("judge", [True, False])
async def test_an_empty_list_is_an_empty_answer(query: str, raw: Stage, judge: bool) -> None:
    rerank = SecondPassRerank(model=Order(_Judges([])) if judge else raw, top_n=3, threshold=0.5)
    assert rerank.compress_documents([], query) == []
    assert await rerank.acompress_documents([], query) == []


# HuggingFaceCrossEncoder (langchain-community)


def test_a_scorer_may_return_a_one_shot_iterator(documents: list[Document], query: str) -> None:
    stage = Score(_Answers(lambda n: map(float, range(n))))
    done = SecondPassRerank(model=stage).compress_documents(documents, query)
    assert len(done) == len(documents), "read once, and every score used"
    assert done[0].page_content == documents[-1].page_content


# others


def test_the_order_is_by_score_whatever_order_they_came_in(query: str) -> None:
    """NVIDIARerank sorts only when there is more than one batch."""
    documents = [Document(page_content=str(i)) for i in range(10)]
    stage = Score(_Answers(lambda n: [float((7 * i) % n) for i in range(n)]))
    done = SecondPassRerank(model=stage, top_n=3).compress_documents(documents, query)
    assert [d.metadata["relevance_score"] for d in done] == [9.0, 8.0, 7.0]


def test_ties_keep_the_incoming_order(query: str, raw: Stage) -> None:
    documents = [Document(id=str(i), page_content="same") for i in range(50)]
    done = SecondPassRerank(model=raw).compress_documents(documents, query)
    assert [d.id for d in done] == [d.id for d in documents]
