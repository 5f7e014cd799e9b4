"""The user's own LlamaIndex LLM as the judge: whatever it says, no node is lost."""

from __future__ import annotations

import asyncio
import re

import pytest
from llama_index.core.bridge.pydantic import Field
from llama_index.core.llms import ChatMessage, ChatResponse, CustomLLM, LLMMetadata, MockLLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers.no_text import NoText
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.postprocessor.secondpass import SecondPassRerank

from secondpass import RecipeError

TEXTS = ["cats purr", "dogs bark loudly", "the cat sat with dogs", "nothing here"]
QUERY = "dogs bark"


class Scripted(CustomLLM):
    """Answers with what a function makes of the prompt."""

    answer: object
    prompts: list[str] = Field(default_factory=list)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="scripted")

    async def achat(self, messages, **kwargs):
        assert kwargs == {}, "no option that an LLM may not know"
        self.prompts.append("\n".join(m.content for m in messages))
        said = self.answer(self.prompts[-1]) if callable(self.answer) else self.answer
        return ChatResponse(message=ChatMessage(role="assistant", content=said))

    def complete(self, prompt, formatted=False, **kwargs):
        raise AssertionError("the judge is asked through achat")

    def stream_complete(self, prompt, formatted=False, **kwargs):
        raise AssertionError("the judge is asked through achat")


def ids_by_place(prompt):
    """The identifier under which each text is shown, by the line that holds it."""
    found = {}
    for text in TEXTS:
        before = prompt[: prompt.index(text)]
        found[text] = re.findall(r"\b[a-z]\d\b", before)[-1]
    return found


def perfect(prompt):
    shown = ids_by_place(prompt)
    return " > ".join(f"[{shown[TEXTS[i]]}]" for i in (1, 2, 0, 3))


def nodes():
    return [NodeWithScore(node=TextNode(text=t), score=0.9 - i / 10) for i, t in enumerate(TEXTS)]


def texts(done):
    return [n.node.get_content() for n in done]


def test_an_llm_orders_the_nodes_and_invents_no_score():
    done = SecondPassRerank(model=Scripted(answer=perfect)).postprocess_nodes(
        nodes(), query_str=QUERY
    )
    assert texts(done) == [TEXTS[i] for i in (1, 2, 0, 3)]
    assert [n.score for n in done] == [None] * 4
    assert done[0].node.metadata["secondpass"]["scale"] == "order"
    assert any("1 calls" in e["message"] for e in done[0].node.metadata["secondpass"]["events"])


async def test_async_inside_a_running_loop_and_sync_too():
    reranker = SecondPassRerank(model=Scripted(answer=perfect), top_n=1)
    many = await asyncio.gather(
        *(reranker.apostprocess_nodes(nodes(), query_str=QUERY) for _ in range(3))
    )
    assert [texts(done) for done in many] == [[TEXTS[1]]] * 3
    assert texts(reranker.postprocess_nodes(nodes(), query_str=QUERY)) == [TEXTS[1]]


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, I cannot help with that.",
        "",
        "Doc: 0, Relevance: 9",
        "Doc: -5, Relevance: 9\nDoc: 1, Relevance: 7",
        "Doc: 1, because good\nDoc: 2, Relevance: 9\nDoc: 3, Relevance: 1",
        "**Doc: 2**, **Relevance: 8**",
        "Document 2, Relevance: 9",
        "Doc: 1, Relevance: 7\nDoc: 1, Relevance: 7",
        "<think>10 docs, [2] first?</think>",
        "²",
        "[9] > [9] > [1]",
    ],
)
def test_no_answer_that_broke_llm_rerank_loses_or_repeats_a_node(answer):
    llm = Scripted(answer=answer)
    done = SecondPassRerank(model=llm).postprocess_nodes(nodes(), query_str=QUERY)
    assert sorted(texts(done)) == sorted(TEXTS)
    assert texts(done) == TEXTS
    events = " ".join(e["message"] for e in done[0].node.metadata["secondpass"]["events"])
    assert "keep their order" in events
    assert len(llm.prompts) == 2, "asked again once, and not forever"


def test_a_mock_llm_that_echoes_the_prompt_loses_nothing():
    done = SecondPassRerank(model=MockLLM()).postprocess_nodes(nodes(), query_str=QUERY)
    assert sorted(texts(done)) == sorted(TEXTS)


def test_what_the_llm_raises_comes_through():
    def broken(prompt):
        raise ConnectionResetError("gone")

    with pytest.raises(Exception, match="gone"):
        SecondPassRerank(model=Scripted(answer=broken)).postprocess_nodes(nodes(), query_str=QUERY)


def test_an_llm_is_never_written_to_a_recipe():
    with pytest.raises(RecipeError, match="a recipe cannot hold your"):
        SecondPassRerank(model=Scripted(answer=perfect)).to_dict()


def test_inside_a_query_engine():
    class Fixed(BaseRetriever):
        def _retrieve(self, query_bundle):
            return nodes()

    llm = Scripted(answer=perfect)
    reranker = SecondPassRerank(model=llm, top_n=2)
    assert isinstance(reranker, BaseNodePostprocessor)
    engine = RetrieverQueryEngine(Fixed(), NoText(llm=MockLLM()), node_postprocessors=[reranker])
    assert texts(engine.query(QUERY).source_nodes) == [TEXTS[1], TEXTS[2]]
