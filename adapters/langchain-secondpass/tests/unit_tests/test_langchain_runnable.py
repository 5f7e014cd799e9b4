"""The runnable form: invoke, batch, chains, state dicts."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough
from langchain_secondpass import SecondPassRerank

from secondpass import InvalidInputError, Stage


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
