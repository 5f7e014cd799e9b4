"""Reranking is a run of its own: seen by every tracer, with inputs, outputs and errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler, CallbackManager
from langchain_core.documents import Document
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from langchain_core.tracers.schemas import Run
from langchain_secondpass import SecondPassRerank

from secondpass import NotCalibratedError, Stage


async def _called(rerank: SecondPassRerank, way: str, *args: Any) -> Any:
    if way == "sync":
        return rerank.compress_documents(*args)
    return await rerank.acompress_documents(*args)


both = pytest.mark.parametrize("way", ["sync", "async"])


def _only(runs: list[Run]) -> Run:
    (run,) = runs
    return run


@both
async def test_a_run_has_name_inputs_and_outputs(
    documents: list[Document], query: str, raw: Stage, way: str
) -> None:
    seen = RunCollectorCallbackHandler()
    done = await _called(SecondPassRerank(model=raw, top_n=2), way, documents, query, [seen])
    run = _only(seen.traced_runs)
    assert run.name == "SecondPassRerank"
    assert run.inputs == {"query": query, "documents": documents}
    assert run.outputs == {"output": done}
    assert run.error is None


@both
async def test_a_manager_does_as_well_as_a_list(
    documents: list[Document], query: str, raw: Stage, way: str
) -> None:
    seen = RunCollectorCallbackHandler()
    await _called(SecondPassRerank(model=raw), way, documents, query, CallbackManager([seen]))
    assert _only(seen.traced_runs).name == "SecondPassRerank"


class Heard(BaseCallbackHandler):
    """Custom events, each with the run that it belongs to."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any, Any]] = []

    def on_custom_event(self, name: str, data: Any, *, run_id: Any, **kwargs: Any) -> None:
        self.events.append((name, data, run_id))


@both
async def test_why_nothing_is_left_is_an_event_of_the_run(
    documents: list[Document], query: str, probable: Callable[..., Stage], way: str
) -> None:
    seen, heard = RunCollectorCallbackHandler(), Heard()
    rerank = SecondPassRerank(model=probable(), threshold=0.99)
    assert await _called(rerank, way, documents, query, [seen, heard]) == []
    (told,) = heard.events
    name, events, run = told
    assert (name, run) == ("secondpass", _only(seen.traced_runs).id)
    assert [set(event) for event in events] == [{"stage", "kind", "message"}]
    assert "4 of 4 dropped" in events[0]["message"]
    assert json.loads(json.dumps(events)) == events


@both
async def test_where_nothing_happened_there_is_no_event(
    documents: list[Document], query: str, raw: Stage, way: str
) -> None:
    heard = Heard()
    await _called(SecondPassRerank(model=raw), way, documents, query, [heard])
    assert heard.events == []


@both
async def test_an_error_is_recorded_and_raised(
    documents: list[Document], query: str, raw: Stage, way: str
) -> None:
    seen = RunCollectorCallbackHandler()
    with pytest.raises(NotCalibratedError):
        await _called(SecondPassRerank(model=raw, threshold=0.5), way, documents, query, [seen])
    run = _only(seen.traced_runs)
    assert "NotCalibratedError" in (run.error or "")
    assert run.end_time is not None


@both
async def test_no_callbacks_are_needed(
    documents: list[Document], query: str, raw: Stage, way: str
) -> None:
    rerank = SecondPassRerank(model=raw)
    assert len(await _called(rerank, way, documents, query)) == 4
    assert len(await _called(rerank, way, documents, query, None)) == 4
    assert len(await _called(rerank, way, documents, query, [])) == 4


def test_inside_another_run_it_is_a_child_without_being_told(
    documents: list[Document], query: str, raw: Stage
) -> None:
    seen = RunCollectorCallbackHandler()
    rerank = SecondPassRerank(model=raw)
    outer: Runnable[str, Any] = RunnableLambda(
        lambda q: rerank.compress_documents(documents, q), name="outer"
    )
    outer.invoke(query, {"callbacks": [seen]})
    run = _only(seen.traced_runs)
    assert run.name == "outer"
    assert [child.name for child in run.child_runs] == ["SecondPassRerank"]


async def test_the_event_stream_shows_it(documents: list[Document], query: str, raw: Stage) -> None:
    runnable = SecondPassRerank(model=raw).as_runnable()
    asked = {"query": query, "documents": documents}
    events = [e async for e in runnable.astream_events(asked, version="v2")]
    assert {e["name"] for e in events} == {"SecondPassRerank"}
    assert events[0]["event"] == "on_chain_start"
    assert events[-1]["event"] == "on_chain_end"
