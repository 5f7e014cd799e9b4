"""Cross-encoders of LangChain as models: what CrossEncoderReranker takes, ours takes too."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any

import numpy as np
import pytest
from langchain_classic.retrievers.document_compressors import CrossEncoderReranker
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import Document
from langchain_secondpass import SecondPassCrossEncoder, SecondPassRerank

from secondpass import NotCalibratedError, ScoreError, Stage, Threshold
from secondpass.testing import FakeScorer


class Similar(BaseCrossEncoder):
    """A real one, without weights: the share of characters in common."""

    model_name = "similar"

    def score(self, text_pairs: Any) -> Any:
        assert isinstance(text_pairs, list), "as LangChain's reranker passes them"
        return [SequenceMatcher(None, a, b).ratio() for a, b in text_pairs]


class Unrelated:
    """No subclass of LangChain's class; and numpy's floats, once."""

    def score(self, text_pairs: Any) -> Any:
        return map(np.float32, Similar().score(list(text_pairs)))


@pytest.mark.parametrize("encoder", [Similar(), Unrelated()])
async def test_the_same_arguments_give_the_same_documents(
    encoder: Any, documents: list[Document], query: str
) -> None:
    theirs = CrossEncoderReranker.model_construct(model=encoder, top_n=3)
    ours = SecondPassRerank(model=encoder, top_n=3)
    expected = [d.id for d in theirs.compress_documents(documents, query)]
    done = ours.compress_documents(documents, query)
    assert [d.id for d in done] == expected
    assert await ours.acompress_documents(documents, query) == done
    assert [d.metadata["secondpass"]["scale"] for d in done] == ["raw"] * 3
    assert all(type(d.metadata["relevance_score"]) is float for d in done)
    assert ours.compress_documents([], query) == []


def test_its_scores_are_no_probabilities_though_they_lie_between_0_and_1(
    documents: list[Document], query: str
) -> None:
    with pytest.raises(NotCalibratedError):
        SecondPassRerank(model=Similar(), threshold=0.5).compress_documents(documents, query)
    cut = SecondPassRerank(model=Similar()).stage >> Threshold(0.5, scale="raw")
    assert 0 < len(SecondPassRerank(model=cut).compress_documents(documents, query)) < 4


def test_nan_is_an_error(documents: list[Document], query: str) -> None:
    class Broken(Similar):
        def score(self, text_pairs: Any) -> Any:
            return [float("nan")] * len(text_pairs)

    with pytest.raises(ScoreError, match="finite"):
        SecondPassRerank(model=Broken()).compress_documents(documents, query)


def test_ours_as_theirs_as_ours_keeps_its_scale(
    documents: list[Document], query: str, probable: Any
) -> None:
    stage: Stage = probable()
    rerank = SecondPassRerank(model=SecondPassCrossEncoder(stage), threshold=0.5)
    assert rerank.model is stage
    assert len(rerank.compress_documents(documents, query)) == 2


def test_a_scorer_of_secondpass_keeps_its_name() -> None:
    scorer = FakeScorer(name="mine@1")
    assert SecondPassRerank(model=scorer).model.name == "mine@1"


def test_it_has_a_name_and_stands_in_no_recipe() -> None:
    rerank = SecondPassRerank(model=Similar())
    assert rerank.model.name == "Similar:similar"
    with pytest.raises(ValueError, match="a recipe cannot hold your cross-encoder"):
        rerank.model_dump()
