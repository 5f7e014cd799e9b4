"""Chat models as LangChain's users have them, and what their messages carry."""

from __future__ import annotations

import math
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from langchain_core.tracers.schemas import Run
from langchain_secondpass import SecondPassRerank
from langchain_secondpass.chat import LangChainChat

from secondpass import ChatJudge, Order, Ranking, Rate
from secondpass.judge import ChatError, Completion

DOCUMENTS = [Document(page_content=t, id=t) for t in ("a", "b", "c")]
REFUSAL = "I'm sorry, I cannot help with that."


def saying(*messages: AIMessage | str) -> GenericFakeChatModel:
    return GenericFakeChatModel(messages=iter(messages))


async def completion(message: AIMessage) -> Completion:
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    return await LangChainChat(saying(message)).complete(messages, max_tokens=9)


async def called(rerank: SecondPassRerank, way: str, *seen: Any) -> Any:
    if way == "async":
        return await rerank.acompress_documents(DOCUMENTS, "q", list(seen))
    return rerank.compress_documents(DOCUMENTS, "q", list(seen))


def kinds(done: Any) -> set[str]:
    return {e["kind"] for e in done[0].metadata["secondpass"]["events"]}


@pytest.mark.parametrize("way", ["sync", "async", "sync inside a running loop"])
async def test_the_fake_models_of_langchain_lose_nothing(way: str) -> None:
    rerank = SecondPassRerank(model=FakeListChatModel(responses=[REFUSAL, "[1] > [1] > [9]"]))
    done = await called(rerank, way)
    assert [d.id for d in done] == ["a", "b", "c"]
    assert kinds(done) == {"refused", "fallback", "cost"}


@pytest.mark.parametrize(
    "message",
    [
        AIMessage("", response_metadata={"finish_reason": "content_filter"}),
        AIMessage("", response_metadata={"stop_reason": "refusal"}),
        AIMessage("", additional_kwargs={"refusal": "No."}),
    ],
)
def test_a_refusal_is_told_and_loses_nothing(message: AIMessage) -> None:
    done = SecondPassRerank(model=saying(message, message)).compress_documents(DOCUMENTS, "q")
    assert [d.id for d in done] == ["a", "b", "c"]
    assert "refused" in kinds(done)


async def test_thinking_is_not_read() -> None:
    thought = {"type": "thinking", "thinking": "first [a1]"}
    done = await completion(AIMessage([thought, {"type": "text", "text": "[b2]"}]))
    assert done.text == "[b2]"


async def test_tokens_are_those_that_the_server_counted() -> None:
    usage: Any = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    done = await completion(AIMessage("x", usage_metadata=usage))
    assert (done.prompt_tokens, done.completion_tokens) == (7, 3)


async def test_a_server_that_counts_nothing_is_not_taken_to_have_used_nothing() -> None:
    nothing: Any = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    for message in (AIMessage("x"), AIMessage("x", usage_metadata=nothing)):
        done = await completion(message)
        assert (done.prompt_tokens, done.completion_tokens) == (None, None)


@pytest.mark.parametrize(
    ("said", "ended"),
    [
        ({"finish_reason": "length"}, "length"),
        ({"stop_reason": "max_tokens"}, "length"),
        ({"finish_reason": "MAX_TOKENS"}, "length"),
        ({"done_reason": "stop"}, "stop"),
        ({}, None),
    ],
)
async def test_why_an_answer_ended_is_told(said: dict[str, str], ended: str | None) -> None:
    assert (await completion(AIMessage("x", response_metadata=said))).finish_reason == ended


def test_log_probabilities_make_ratings() -> None:
    top = [{"token": t, "logprob": math.log(p)} for t, p in (("Yes", 0.25), ("No", 0.75))]
    logprobs = {"content": [{**top[1], "top_logprobs": top}]}
    model = saying(AIMessage("No", response_metadata={"logprobs": logprobs}))
    (only,) = Rate(ChatJudge(LangChainChat(model)))(Ranking.of("q", ["a"]))
    assert only.score == pytest.approx(0.25)


@pytest.mark.parametrize("odd", [[], "x", {"content": None}, {"content": [{}]}, {"content": [1]}])
async def test_log_probabilities_in_another_form_are_done_without(odd: Any) -> None:
    done = await completion(AIMessage("x", response_metadata={"logprobs": odd}))
    assert done.logprobs is None


def test_a_chat_judge_is_a_model_too() -> None:
    judge = ChatJudge(LangChainChat(FakeListChatModel(responses=[REFUSAL])), repairs=0)
    rerank = SecondPassRerank(model=judge, top_n=1)
    assert isinstance(rerank.model, Order)
    assert len(rerank.compress_documents(DOCUMENTS, "q")) == 1


def test_judges_of_two_models_have_two_names() -> None:
    class Named(FakeListChatModel):
        model: str = "my-model"
        api_key: str = "sk-secret"

    named = LangChainChat(Named(responses=["x"]))
    assert named.name == "Named:my-model"
    assert repr(named) == "LangChainChat(Named:my-model)"
    assert LangChainChat(FakeListChatModel(responses=["x"])).name == "FakeListChatModel"


def test_storing_says_what_to_do() -> None:
    rerank = SecondPassRerank(model=FakeListChatModel(responses=["x"]))
    with pytest.raises(Exception, match="pass it as model= again"):
        rerank.model_dump()


def _tree(run: Run) -> Any:
    return (run.name, [_tree(child) for child in run.child_runs])


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_inside_a_chain_the_models_runs_hang_below_the_reranking(way: str) -> None:
    seen = RunCollectorCallbackHandler()
    rerank = SecondPassRerank(model=FakeListChatModel(responses=[REFUSAL]))
    asked = {"query": "q", "documents": DOCUMENTS}
    chain = RunnableLambda(lambda q: asked, name="first") | rerank.as_runnable()
    if way == "sync":
        chain.invoke("q", {"callbacks": [seen]})
    else:
        await chain.ainvoke("q", {"callbacks": [seen]})
    (run,) = seen.traced_runs
    calls: Any = [("FakeListChatModel", [])] * 2
    assert _tree(run) == ("RunnableSequence", [("first", []), ("SecondPassRerank", calls)])


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_an_error_of_the_model_is_raised_and_traced(way: str) -> None:
    class Broken(FakeListChatModel):
        def _call(self, *args: Any, **kwargs: Any) -> str:
            raise ConnectionError("the server is gone")

    seen, rerank = RunCollectorCallbackHandler(), SecondPassRerank(model=Broken(responses=["x"]))
    with pytest.raises(ChatError, match="ConnectionError: the server is gone"):
        await called(rerank, way, seen)
    (run,) = seen.traced_runs
    assert "ChatError" in (run.error or "")
    assert ["ConnectionError" in (child.error or "") for child in run.child_runs] == [True]
