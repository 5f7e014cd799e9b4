"""The user's own chat generator as the judge: whatever it says, no document is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from haystack import Document, Pipeline, component
from haystack.components.generators.chat import MockChatGenerator
from haystack.dataclasses import ChatMessage
from haystack_integrations.components.rankers.secondpass import SecondPassRanker
from haystack_integrations.components.rankers.secondpass.chat import HaystackChat

from secondpass import ChatJudge, Order, Recipe, RecipeError

TEXTS = ["cats purr", "dogs bark loudly", "the cat sat with dogs"]
DOCUMENTS = [Document(content=t, id=str(i)) for i, t in enumerate(TEXTS)]


def last_first(messages: list[ChatMessage]) -> str:
    """Orders the passages from the last to the first."""
    import re

    prompt = str(messages[-1].text)
    tags = [re.findall(r"\b[a-z]\d\b", prompt[: prompt.index(t)])[-1] for t in TEXTS]
    return " > ".join(f"[{tag}]" for tag in reversed(tags))


@component
class OnlySync:
    """A generator without an asynchronous way, and with counts of tokens."""

    @component.output_types(replies=list[ChatMessage])
    def run(self, messages: list[ChatMessage]) -> dict[str, list[ChatMessage]]:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()  # it would be blocked
        usage = {"usage": {"prompt_tokens": 70, "completion_tokens": 8}}
        return {"replies": [ChatMessage.from_assistant(last_first(messages), meta=usage)]}


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("generator", [MockChatGenerator(response_fn=last_first), OnlySync()])
async def test_a_generator_orders_and_invents_no_score(way: str, generator: Any) -> None:
    ranker = SecondPassRanker(model=generator)
    if way == "async":
        out = await ranker.run_async(query="dogs", documents=DOCUMENTS)
    else:
        out = await asyncio.to_thread(ranker.run, query="dogs", documents=DOCUMENTS)
    assert [d.id for d in out["documents"]] == ["2", "1", "0"]
    assert [d.score for d in out["documents"]] == [None] * 3
    assert out["meta"]["scale"] == "order"
    (cost,) = [e for e in out["meta"]["events"] if e["kind"] == "cost"]
    if isinstance(generator, OnlySync):
        assert "70 prompt and 8 completion tokens" in cost["message"]


@pytest.mark.parametrize("answer", ["I'm sorry, I cannot help with that.", " ", "[0, 0, 1]", "-1"])
def test_no_answer_loses_or_repeats_a_document(answer: str) -> None:
    out = SecondPassRanker(model=MockChatGenerator(answer)).run("dogs", DOCUMENTS)
    assert sorted(d.id for d in out["documents"]) == ["0", "1", "2"]
    assert "cost" in {e["kind"] for e in out["meta"]["events"]}


def test_its_calls_are_children_of_the_rerank_span(recorder: Any) -> None:
    SecondPassRanker(model=MockChatGenerator(response_fn=last_first)).run("dogs", DOCUMENTS)
    rerank, call = recorder.spans
    assert (rerank.name, rerank.parent) == ("secondpass.rerank", None)
    assert (call.name, call.parent) == ("haystack.chat_generator.run", "secondpass.rerank")


def test_yaml_writes_the_generator_as_haystack_does() -> None:
    pipeline = Pipeline()
    pipeline.add_component("ranker", SecondPassRanker(model=MockChatGenerator("[x]"), top_k=2))
    text = pipeline.dumps()
    assert "MockChatGenerator" in text
    ranker = Pipeline.loads(text).get_component("ranker")
    assert len(ranker.run(query="dogs", documents=DOCUMENTS)["documents"]) == 2


def test_a_recipe_never_holds_one() -> None:
    judge = Order(ChatJudge(HaystackChat(MockChatGenerator("[x]")), repairs=0))
    with pytest.raises(RecipeError, match="cannot hold your chat generator"):
        Recipe.of(judge)
    with pytest.raises(RecipeError, match="cannot hold your chat generator"):
        SecondPassRanker(model=judge).to_dict()
