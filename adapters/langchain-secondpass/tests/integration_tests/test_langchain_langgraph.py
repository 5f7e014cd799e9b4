"""As the body of a LangGraph node, with a checkpointer that writes the state down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langchain_secondpass import SecondPassRerank
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from secondpass import Score
from secondpass.stages import Pair
from secondpass.testing import FakeScorer


class State(TypedDict):
    query: str
    documents: list[Document]


class _Numpy(FakeScorer):
    """Numpy's numbers everywhere, as models really return them."""

    def score_with_notes(self, pairs: Sequence[Pair]) -> tuple[Any, list[dict[str, Any]]]:
        scores = np.asarray(self.score(pairs), dtype=np.float32)
        return list(scores), [{"cut_tokens": np.int64(1), "share": np.float32(0.5)} for _ in pairs]


def _graph(node: Any) -> Any:
    graph = StateGraph(State)
    graph.add_node("rerank", node)
    graph.add_edge(START, "rerank")
    graph.add_edge("rerank", END)
    return graph.compile(checkpointer=InMemorySaver())


CONFIG: RunnableConfig = {"configurable": {"thread_id": "1"}}


@pytest.mark.parametrize("form", ["runnable", "function"])
async def test_a_node_with_a_checkpointer(documents: list[Document], query: str, form: str) -> None:
    rerank = SecondPassRerank(model=Score(_Numpy()), top_n=2)

    def function(state: State) -> dict[str, Any]:
        return {"documents": rerank.compress_documents(state["documents"], state["query"])}

    runnable = rerank.as_runnable() | (lambda docs: {"documents": docs})
    graph = _graph(runnable if form == "runnable" else function)
    expected = rerank.compress_documents(documents, query)
    state = {"query": query, "documents": documents}
    assert graph.invoke(state, CONFIG)["documents"] == expected
    assert graph.get_state(CONFIG).values["documents"] == expected
    assert (await graph.ainvoke(state, CONFIG))["documents"] == expected


def test_numpy_float32_does_not_reach_the_checkpointers_msgpack(
    documents: list[Document], query: str
) -> None:
    serialiser = JsonPlusSerializer(pickle_fallback=False)
    broken = Document(page_content="a", metadata={"relevance_score": np.float32(0.5)})
    with pytest.raises(TypeError, match="not msgpack serializable"):
        serialiser.dumps_typed([broken])
    done = SecondPassRerank(model=Score(_Numpy())).compress_documents(documents, query)
    assert serialiser.loads_typed(serialiser.dumps_typed(done)) == done


async def test_a_retriever_tool_gives_the_model_text_and_the_program_documents(
    documents: list[Document], query: str, probable: Any
) -> None:
    reranker = SecondPassRerank(model=probable(), threshold=0.5)

    @tool(response_format="content_and_artifact")
    async def search(query: str) -> tuple[str, list[Document]]:
        """Search the handbook."""
        found = await reranker.acompress_documents(documents, query)
        content = "\n\n".join(document.page_content for document in found)
        return content or "Nothing relevant was found.", found

    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode([search]))
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)

    async def asked(query: str) -> Any:
        call = {"name": "search", "args": {"query": query}, "id": "1", "type": "tool_call"}
        message = AIMessage("", tool_calls=[call])  # type: ignore[list-item]
        state = {"messages": [message]}
        return (await graph.compile().ainvoke(state))["messages"][-1]

    message = await asked(query)
    expected = reranker.compress_documents(documents, query)
    assert 0 < len(expected) < len(documents)
    assert message.artifact == expected
    assert message.content == "\n\n".join(d.page_content for d in expected)
    nothing = await asked("zebra")
    assert (nothing.content, nothing.artifact) == ("Nothing relevant was found.", [])
