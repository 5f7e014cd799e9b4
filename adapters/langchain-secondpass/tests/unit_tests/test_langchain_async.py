"""Async that is async, shown by counting what is under way at once, never by the clock."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from langchain_core.documents import Document
from langchain_secondpass import SecondPassRerank

from secondpass import Ranking, Score, Stage
from secondpass.testing import FakeScorer, overlap


def _here() -> tuple[int, int]:
    return threading.get_ident(), id(asyncio.get_running_loop())


class _Remote(Stage):
    """Waits on a network, as it were: nobody gets an answer before everybody has asked.

    Args:
        callers: How many must have asked.
        home: Thread and event loop on which it must be awaited; None if any will do.
    """

    name = "remote"

    def __init__(self, callers: int, home: tuple[int, int] | None = None) -> None:
        self.together, self.home = asyncio.Barrier(callers), home

    async def arun(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        assert self.home in (None, _here()), "awaited on another loop than the caller's"
        await self.together.wait()
        return [
            r.rescored([overlap(r.query, c.text) for c in r], "raw", by=self.name) for r in rankings
        ]


async def test_async_does_not_only_look_async(documents: list[Document], query: str) -> None:
    """More calls wait at once than a thread pool has threads, and all on the caller's loop."""
    callers = 200
    stage = _Remote(callers, _here())
    rerank = SecondPassRerank(model=stage, top_n=1)
    async with asyncio.timeout(60):  # ends a hang; proves nothing
        done = await asyncio.gather(
            *(rerank.acompress_documents(documents, query) for _ in range(callers))
        )
    assert {d.id for docs in done for d in docs} == {"doc-3"}


async def test_the_runnable_too(documents: list[Document], query: str) -> None:
    stage = _Remote(100, _here())
    runnable = SecondPassRerank(model=stage).as_runnable()
    async with asyncio.timeout(60):
        done = await runnable.abatch([{"query": query, "documents": documents}] * 100)
    assert len(done) == 100


async def test_a_local_model_leaves_the_loop_free(documents: list[Document], query: str) -> None:
    """The model waits for something that only the event loop can do."""
    loop_ran = threading.Event()

    def scored(query: str, text: str) -> float:
        assert loop_ran.wait(10), "the event loop was blocked by the model"
        return overlap(query, text)

    async def other_work() -> None:
        loop_ran.set()

    rerank = SecondPassRerank(model=Score(FakeScorer(scored)))
    done, _ = await asyncio.gather(rerank.acompress_documents(documents, query), other_work())
    assert [d.id for d in done] == ["doc-3", "doc-1", "doc-2", "doc-0"]


async def test_sync_and_async_give_the_same(documents: list[Document], query: str) -> None:
    for stage in (_Remote(1), Score(FakeScorer())):
        rerank = SecondPassRerank(model=stage, top_n=3)
        sync = await asyncio.to_thread(rerank.compress_documents, documents, query)
        assert await rerank.acompress_documents(documents, query) == sync


async def test_cancelling_cancels_the_stage(documents: list[Document], query: str) -> None:
    stage = _Remote(2, _here())
    task = asyncio.create_task(SecondPassRerank(model=stage).acompress_documents(documents, query))
    while not stage.together.n_waiting:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert not stage.together.n_waiting
