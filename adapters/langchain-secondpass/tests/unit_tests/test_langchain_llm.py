"""The user's own chat model as the judge: whatever it says, no document is lost."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tracers.base import BaseTracer
from langchain_core.tracers.schemas import Run
from langchain_secondpass import SecondPassRerank
from pydantic import Field

from secondpass import RecipeError

TEXTS = ["cats purr", "dogs bark loudly", "the cat sat with dogs", "nothing here"]
DOCUMENTS = [Document(page_content=t, id=str(i)) for i, t in enumerate(TEXTS)]
QUERY = "dogs bark"


class Scripted(BaseChatModel):
    """Answers with what a function makes of the prompt."""

    answer: Callable[[str], str]
    prompts: list[str] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        assert kwargs == {}, "no option that a model may not know"
        self.prompts.append("\n".join(str(m.content) for m in messages))
        usage = {"input_tokens": 70, "output_tokens": 8, "total_tokens": 78}
        message = AIMessage(self.answer(self.prompts[-1]), usage_metadata=usage)  # type: ignore[arg-type]
        return ChatResult(generations=[ChatGeneration(message=message)])


def perfect(prompt: str) -> str:
    shown = [re.findall(r"\b[a-z]\d\b", prompt[: prompt.index(t)])[-1] for t in TEXTS]
    return " > ".join(f"[{shown[i]}]" for i in (1, 2, 0, 3))


def texts(done: Any) -> list[str]:
    return [d.page_content for d in done]


def test_a_chat_model_orders_the_documents_and_invents_no_score() -> None:
    done = SecondPassRerank(model=Scripted(answer=perfect)).compress_documents(DOCUMENTS, QUERY)
    assert texts(done) == [TEXTS[i] for i in (1, 2, 0, 3)]
    assert all("relevance_score" not in d.metadata for d in done)
    assert [d.id for d in done] == ["1", "2", "0", "3"]
    (cost,) = [e for e in done[0].metadata["secondpass"]["events"] if e["kind"] == "cost"]
    assert "70 prompt and 8 completion tokens" in cost["message"]


async def test_async_inside_a_running_loop_and_sync_too() -> None:
    rerank = SecondPassRerank(model=Scripted(answer=perfect), top_n=1)
    many = await asyncio.gather(*(rerank.acompress_documents(DOCUMENTS, QUERY) for _ in range(3)))
    assert [texts(done) for done in many] == [[TEXTS[1]]] * 3
    assert texts(rerank.compress_documents(DOCUMENTS, QUERY)) == [TEXTS[1]]


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, I cannot help with that.",
        "",
        "[0, 0, 1]",
        "-1",
        "9",
        "The ranking is as follows: passage 2 of the 3 is best.",
        "<think>10 docs, [2] first?</think>",
        "²",
    ],
)
def test_no_answer_that_broke_listwise_rerank_loses_or_repeats_a_document(answer: str) -> None:
    model = Scripted(answer=lambda prompt: answer)
    done = SecondPassRerank(model=model).compress_documents(DOCUMENTS, QUERY)
    assert texts(done) == TEXTS
    events = {e["kind"] for e in done[0].metadata["secondpass"]["events"]}
    assert "fallback" in events
    assert len(model.prompts) == 2, "asked again once, and not forever"


class Recorder(BaseTracer):
    def __init__(self) -> None:
        super().__init__()
        self.roots: list[Run] = []

    def _persist_run(self, run: Run) -> None:
        self.roots.append(run)


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_the_models_calls_are_children_of_the_rerank_run(colour: str) -> None:
    rerank, tracer = SecondPassRerank(model=Scripted(answer=perfect)), Recorder()
    if colour == "sync":
        rerank.compress_documents(DOCUMENTS, QUERY, callbacks=[tracer])
    else:
        asyncio.run(rerank.acompress_documents(DOCUMENTS, QUERY, callbacks=[tracer]))
    (root,) = tracer.roots
    assert root.name == "SecondPassRerank"
    assert [child.run_type for child in root.child_runs] == ["llm"]


def test_what_the_model_raises_comes_through() -> None:
    def broken(prompt: str) -> str:
        raise ConnectionResetError("gone")

    with pytest.raises(Exception, match="gone"):
        SecondPassRerank(model=Scripted(answer=broken)).compress_documents(DOCUMENTS, QUERY)


def test_a_chat_model_is_never_written_to_a_recipe() -> None:
    rerank = SecondPassRerank(model=Scripted(answer=perfect))
    with pytest.raises(Exception, match="a recipe cannot hold your") as caught:
        rerank.model_dump()
    assert "RecipeError" in str(caught.value) or isinstance(caught.value, RecipeError)
