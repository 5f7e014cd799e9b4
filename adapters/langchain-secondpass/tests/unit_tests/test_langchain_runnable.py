"""The runnable form: invoke, batch, chains, state dicts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough
from langchain_secondpass import SecondPassRerank

from secondpass import InvalidInputError, Ranking, Stage


async def test_invoke_ainvoke_and_batch_agree_with_the_compressor(
    documents: list[Document], query: str, raw: Stage
) -> None:
    rerank = SecondPassRerank(model=raw, top_n=2)
    runnable = rerank.as_runnable()
    assert isinstance(runnable, Runnable)
    asked = {"query": query, "documents": documents}
    expected = rerank.compress_documents(documents, query)
    assert runnable.invoke(asked) == expected
    assert await runnable.ainvoke(asked) == expected
    assert runnable.batch([asked, {"query": query, "documents": []}]) == [expected, []]
    assert await runnable.abatch([asked, asked]) == [expected, expected]
    assert list(runnable.stream(asked)) == [expected]


def test_in_a_chain(documents: list[Document], query: str, raw: Stage) -> None:
    retriever: Runnable[str, list[Document]] = RunnableLambda(lambda q: documents)
    rerank = SecondPassRerank(model=raw, top_n=1).as_runnable()
    chain: Runnable[str, Any] = (
        {"query": RunnablePassthrough(), "documents": retriever}
        | rerank
        | (lambda docs: [d.id for d in docs])
    )
    assert chain.invoke(query) == ["doc-3"]


def test_other_keys_of_a_state_are_let_be(
    documents: list[Document], query: str, raw: Stage
) -> None:
    rerank = SecondPassRerank(model=raw, top_n=1).as_runnable()
    state = {"query": query, "documents": documents, "user": "ann"}
    done = RunnablePassthrough.assign(documents=rerank).invoke(state)
    assert [d.id for d in done["documents"]] == ["doc-3"]
    assert done["user"] == "ann"
    assert state["documents"] is documents
    assert len(documents) == 4


@pytest.mark.parametrize("given", ["text", {"query": "q"}, {"documents": []}, {}, None])
def test_a_wrong_input_is_explained(raw: Stage, given: Any) -> None:
    with pytest.raises(InvalidInputError, match="takes"):
        SecondPassRerank(model=raw).as_runnable().invoke(given)


class _Retriever(BaseRetriever):
    documents: list[Document]

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return self.documents


async def test_a_retriever_piped_into_the_reranker_says_how_the_query_gets_there(
    documents: list[Document], query: str, raw: Stage
) -> None:
    chain = _Retriever(documents=documents) | SecondPassRerank(model=raw)
    with pytest.raises(InvalidInputError, match=r"RunnablePassthrough.*as_runnable\(\)"):
        chain.invoke(query)
    with pytest.raises(InvalidInputError, match="ContextualCompressionRetriever"):
        await chain.ainvoke(query)
    with pytest.raises(InvalidInputError, match="without the query"):
        SecondPassRerank(model=raw).as_runnable().invoke(documents)  # type: ignore[arg-type]


async def test_what_hands_on_the_query_too_is_piped_into_the_reranker_itself(
    documents: list[Document], query: str, raw: Stage
) -> None:
    retriever, rerank = _Retriever(documents=documents), SecondPassRerank(model=raw, top_n=2)
    both = {"query": RunnablePassthrough(), "documents": retriever}
    expected = rerank.compress_documents(documents, query)
    chains: list[Runnable[Any, Any]] = [
        both | rerank,
        RunnablePassthrough() | both | rerank,
        (lambda asked: {"query": asked, "documents": documents}) | rerank,
        both | (rerank | (lambda docs: docs)),
    ]
    for chain in chains:
        assert chain.invoke(query) == expected
        assert await chain.ainvoke(query) == expected


async def test_behind_a_pipe_it_still_waits_on_the_callers_event_loop(
    documents: list[Document], query: str
) -> None:
    loops: list[object] = []

    class Remote(Stage):
        name = "remote"

        async def arun(self, rankings: Sequence[Ranking]) -> list[Ranking]:
            loops.append(asyncio.get_running_loop())
            return list(rankings)

    retriever = _Retriever(documents=documents)
    both = RunnablePassthrough() | {"query": RunnablePassthrough(), "documents": retriever}
    chain: Runnable[Any, Any] = both | SecondPassRerank(model=Remote())
    assert len(await chain.ainvoke(query)) == 4
    assert loops == [asyncio.get_running_loop()]
