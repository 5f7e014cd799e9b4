"""As a step of a LlamaIndex workflow: other steps run while the model is awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from llama_index.core.schema import NodeWithScore
from llama_index.core.workflow import Context, Event, StartEvent, StopEvent, Workflow, step
from llama_index.postprocessor.secondpass import SecondPassRerank

from secondpass import Ranking, Stage
from secondpass.testing import overlap


class Found(Event):
    nodes: list[Any]


class Other(Event):
    pass


class OtherDone(Event):
    pass


class Waiting(Stage):
    """Answers when the other step has run, and never before."""

    name = "waiting"

    def __init__(self) -> None:
        self.asked, self.other_ran = asyncio.Event(), asyncio.Event()

    async def arun(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        self.asked.set()
        await asyncio.wait_for(self.other_ran.wait(), 60)
        return [
            r.rescored([overlap(r.query, c.text) for c in r], "raw", by=self.name) for r in rankings
        ]


async def test_a_step_of_a_workflow(nodes: Callable[..., list[NodeWithScore]]) -> None:
    model = Waiting()
    reranker = SecondPassRerank(model=model, top_n=2)
    given = nodes("the museum", "read a file", "a file")

    class Search(Workflow):
        @step
        async def retrieve(self, ctx: Context, ev: StartEvent) -> Found | Other | None:
            ctx.send_event(Other())
            return Found(nodes=given)

        @step
        async def rerank(self, ev: Found) -> StopEvent:
            found = await reranker.apostprocess_nodes(ev.nodes, query_str="read a file")
            return StopEvent(result=found)

        @step
        async def other(self, ev: Other) -> OtherDone | None:
            await asyncio.wait_for(model.asked.wait(), 60)
            model.other_ran.set()
            return OtherDone()

        @step
        async def collect(self, ev: OtherDone) -> StopEvent | None:
            return None

    result = await Search(timeout=None).run()
    assert [node.text for node in result] == ["read a file", "a file"]
    assert [node.score for node in result] == [3.0, 2.0]
    assert all("secondpass" not in node.metadata for node in given)
