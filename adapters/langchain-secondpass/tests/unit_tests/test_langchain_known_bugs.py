"""A bug of langchain-community's HuggingFaceCrossEncoder; test_langchain_contract.py holds what
else other rerankers for LangChain get wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.documents import Document
from langchain_secondpass import SecondPassRerank

from secondpass import Score
from secondpass.stages import Pair
from secondpass.testing import FakeScorer


class _Answers(FakeScorer):
    """A scorer that answers what it was told to, fit or not."""

    def __init__(self, answer: Callable[[int], Any]) -> None:
        super().__init__()
        self.answer = answer

    def score(self, pairs: Sequence[Pair]) -> Any:
        return self.answer(len(pairs))


def test_a_scorer_may_return_a_one_shot_iterator(documents: list[Document], query: str) -> None:
    stage = Score(_Answers(lambda n: map(float, range(n))))
    done = SecondPassRerank(model=stage).compress_documents(documents, query)
    assert len(done) == len(documents), "read once, and every score used"
    assert done[0].page_content == documents[-1].page_content
