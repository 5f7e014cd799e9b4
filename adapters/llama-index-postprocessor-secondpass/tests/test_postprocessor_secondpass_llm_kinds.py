"""LLMs as LlamaIndex's users have them: blocking ones, nameless ones, what responses carry."""

from __future__ import annotations

import asyncio
import math
import threading

import pytest
from llama_index.core.base.llms.types import LogProb
from llama_index.core.instrumentation.events.llm import LLMChatEndEvent, LLMChatStartEvent
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.llms import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    CustomLLM,
    LLMMetadata,
    MockLLM,
)
from llama_index.core.llms.callbacks import llm_chat_callback
from llama_index.core.schema import QueryBundle
from llama_index.postprocessor.secondpass import SecondPassRerank
from llama_index.postprocessor.secondpass.chat import LlamaIndexChat

from secondpass import ChatJudge, NoScoresError, Order, Ranking, Rate, RecipeError
from secondpass.judge import ChatError

REFUSAL = "I'm sorry, I cannot help with that."


class Blocking(CustomLLM):
    """What `CustomLLM` makes of an LLM that only has `complete`."""

    during: object = None

    @property
    def metadata(self):
        return LLMMetadata()

    def complete(self, prompt, formatted=False, **kwargs):
        assert kwargs == {}
        if self.during is not None:
            self.during()
        return CompletionResponse(text=REFUSAL)

    def stream_complete(self, prompt, formatted=False, **kwargs):
        raise AssertionError("not asked for")


class Responding(Blocking):
    """Gives one response to everything, on the event loop."""

    response: ChatResponse

    @llm_chat_callback()
    async def achat(self, messages, **kwargs):
        return self.response


def responding(text="", *, message=None, **more):
    said = ChatMessage(role="assistant", content=text, additional_kwargs=message or {})
    return Responding(response=ChatResponse(message=said, **more))


async def completion(llm):
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    return await LlamaIndexChat(llm).complete(messages, max_tokens=9)


async def called(rerank, way, given):
    if way == "sync":
        return rerank.postprocess_nodes(given, query_str="q")
    return await rerank.apostprocess_nodes(given, QueryBundle("q"))


def told(out):
    return " ".join(e["message"] for e in out[0].node.metadata["secondpass"]["events"])


# --- LLMs that block


async def test_an_llm_without_async_leaves_the_event_loop_free(nodes):
    asked, go_on = threading.Event(), threading.Event()

    def during():
        asked.set()
        assert go_on.wait(30), "the event loop stands still"

    rerank = SecondPassRerank(model=Blocking(during=during))
    run = asyncio.create_task(rerank.apostprocess_nodes(nodes("a", "b"), QueryBundle("q")))
    while not asked.is_set():
        await asyncio.sleep(0)
    go_on.set()
    assert len(await run) == 2


async def test_an_llm_without_async_is_asked_one_call_at_a_time(nodes):
    alone = threading.Lock()

    def during():
        assert alone.acquire(blocking=False), "asked twice at once"
        threading.Event().wait(0.01)
        alone.release()

    rerank = SecondPassRerank(model=Blocking(during=during))
    runs = [rerank.apostprocess_nodes(nodes("a", "b"), QueryBundle("q")) for _ in range(5)]
    assert [len(out) for out in await asyncio.gather(*runs)] == [2] * 5


@pytest.mark.parametrize("llm", [Blocking(), responding(REFUSAL)], ids=["blocking", "async"])
@pytest.mark.parametrize("way", ["sync", "async"])
async def test_instrumentation_shows_the_llm_inside_the_reranking(nodes, events, llm, way):
    await called(SecondPassRerank(model=llm), way, nodes("a", "b"))
    kinds = [type(e) for e in events.seen]
    assert (kinds[0], kinds[-1]) == (ReRankStartEvent, ReRankEndEvent)
    assert kinds.count(LLMChatStartEvent) == 2  # asked, and asked again
    assert kinds.count(LLMChatEndEvent) == 2


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_an_error_of_the_llm_is_raised(nodes, way):
    def during():
        raise ConnectionError("the server is gone")

    with pytest.raises(ChatError, match="ConnectionError: the server is gone"):
        await called(SecondPassRerank(model=Blocking(during=during)), way, nodes("a", "b"))


# --- names


def test_judges_of_two_llms_have_two_names():
    class Named(Blocking):
        model: str = "my-finetune"

        @property
        def metadata(self):  # as llama-index-llms-openai with a model that it does not know
            raise ValueError("Unknown model 'my-finetune'")

    assert LlamaIndexChat(MockLLM()).name == "MockLLM"
    assert LlamaIndexChat(Named()).name == "Named:my-finetune"
    assert SecondPassRerank(model=Named()).model.name == "judge:Named:my-finetune@prompts-1"


# --- what responses carry


@pytest.mark.parametrize(
    "llm",
    [
        responding("x", raw={"usage": {"prompt_tokens": 7, "completion_tokens": 3}}),
        responding("x", raw={"usage": {"input_tokens": 7, "output_tokens": 3}}),
        responding(
            "x", raw={"usage_metadata": {"prompt_token_count": 7, "candidates_token_count": 3}}
        ),
        responding("x", additional_kwargs={"prompt_tokens": 7, "completion_tokens": 3}),
    ],
    ids=["openai", "anthropic", "gemini", "additional_kwargs"],
)
async def test_tokens_are_those_that_the_server_counted(llm):
    done = await completion(llm)
    assert (done.prompt_tokens, done.completion_tokens) == (7, 3)


@pytest.mark.parametrize("raw", [None, "text", {"usage": None}, {"choices": []}, object()])
async def test_a_server_that_counts_nothing_is_not_taken_to_have_used_nothing(raw):
    zeros = {"prompt_tokens": 0, "completion_tokens": 0}
    done = await completion(responding("x", raw=raw, additional_kwargs=zeros))
    assert (done.text, done.prompt_tokens, done.completion_tokens) == ("x", None, None)


@pytest.mark.parametrize(
    ("raw", "ended"),
    [
        ({"choices": [{"finish_reason": "length"}]}, "length"),
        ({"stop_reason": "max_tokens"}, "length"),
        ({"stop_reason": "refusal"}, "content_filter"),
        ({"done_reason": "stop"}, "stop"),
        ({}, None),
    ],
)
async def test_why_an_answer_ended_is_told(raw, ended):
    assert (await completion(responding("x", raw=raw))).finish_reason == ended


@pytest.mark.parametrize(
    "llm",
    [
        responding(raw={"choices": [{"finish_reason": "content_filter"}]}),
        responding(raw={"choices": [{"message": {"refusal": "No."}}]}),
        responding(message={"refusal": "No."}),
    ],
)
def test_a_refusal_is_told_and_loses_nothing(nodes, llm):
    out = SecondPassRerank(model=llm).postprocess_nodes(nodes("a", "b"), query_str="q")
    assert [n.node.get_content() for n in out] == ["a", "b"]
    assert "the model refused to answer" in told(out)


def test_nothing_is_said_of_schemas_that_nobody_asked_for(nodes):
    out = SecondPassRerank(model=Blocking()).postprocess_nodes(nodes("a", "b"), query_str="q")
    assert "schema" not in told(out)


def test_log_probabilities_make_ratings():
    pairs = (("Yes", 0.75), ("No", 0.25))
    top = [LogProb(token=word, logprob=math.log(p)) for word, p in pairs]
    judge = ChatJudge(LlamaIndexChat(responding("Yes", logprobs=[top])))
    (only,) = Rate(judge)(Ranking.of("q", ["a"]))
    assert only.score == pytest.approx(0.75)


# --- as an argument


def test_a_chat_judge_is_a_model_too(nodes):
    judge = ChatJudge(LlamaIndexChat(Blocking()), repairs=0)
    rerank = SecondPassRerank(model=judge, top_n=1)
    assert isinstance(rerank.model, Order)
    assert "1 calls" in told(rerank.postprocess_nodes(nodes("a", "b"), query_str="q"))


def test_a_threshold_is_refused_when_made():
    with pytest.raises(NoScoresError):
        SecondPassRerank(model=MockLLM(), threshold=0.5)


def test_storing_says_what_to_do_and_shows_no_key():
    class Keyed(Blocking):
        api_key: str = "sk-secret"

    with pytest.raises(RecipeError, match="pass it as model= again") as caught:
        SecondPassRerank(model=Keyed()).to_dict()
    assert "sk-secret" not in str(caught.value)
    assert "sk-secret" not in repr(SecondPassRerank(model=Keyed()))
