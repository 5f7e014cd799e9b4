"""LangChain's own standard tests, on a retriever that reranks."""

from __future__ import annotations

from typing import Any

from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_secondpass import SecondPassRerank
from langchain_tests.integration_tests import RetrieversIntegrationTests

from secondpass import Score
from secondpass.testing import FakeScorer


class _Reranked(ContextualCompressionRetriever):
    """The standard tests ask for a `k`, which the compressed retriever has not."""

    k: int = 4

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        found = super()._get_relevant_documents(query, run_manager=run_manager, **kwargs)
        return found[: self.k if k is None else k]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: Any, k: int | None = None, **kwargs: Any
    ) -> list[Document]:
        found = await super()._aget_relevant_documents(query, run_manager=run_manager, **kwargs)
        return found[: self.k if k is None else k]


class TestRerankedRetriever(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return _Reranked

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        texts = ["a cat", "a dog", "a red cat", "red", "cat and dog"]
        return {
            "base_compressor": SecondPassRerank(model=Score(FakeScorer())),
            "base_retriever": RunnableLambda(lambda q: [Document(page_content=t) for t in texts]),
        }

    @property
    def retriever_query_example(self) -> str:
        return "red cat"
