"""Async that is async: shown by what waits for what, never by the clock."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any

from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage
from secondpass.stages.score import Score
from secondpass.testing.adapter_kit.adapter import (
    BEST_FIRST,
    QUERY,
    TEXTS,
    Adapter,
    needs,
    probable,
    raw,
)
from secondpass.testing.doubles import FakeScorer, overlap

CALLERS = 64
"""More than a thread pool has threads, on all but large machines."""
HANG = 60
"""Seconds that end a hang; they prove nothing."""


class AsyncTests(Adapter):
    """The asynchronous way gives the same, waits on the caller's loop, and never blocks it."""

    @needs("async")
    def test_async_gives_the_same(self) -> None:
        documents = self.documents(self.given())
        for options in ({"model": raw()}, {"model": probable()}, {"model": _Remote(1)}):
            reranker = self.make(**options)
            sync = self.read(self.run(reranker, QUERY, documents))
            assert self.read(_finished(self.arun(reranker, QUERY, documents))) == sync

    @needs("async")
    def test_async_waits_on_the_callers_loop(self) -> None:
        """All callers have asked before anyone is answered, and on the loop that they are on."""
        documents = self.documents(self.given())

        async def all_at_once() -> list[Any]:
            reranker = self.make(model=_Remote(CALLERS, _here()))
            return await asyncio.gather(
                *(self.arun(reranker, QUERY, documents) for _ in range(CALLERS))
            )

        for result in _finished(all_at_once()):
            assert [d.text for d in self.read(result)] == [TEXTS[i] for i in BEST_FIRST]

    @needs("async")
    def test_a_model_that_computes_leaves_the_loop_free(self) -> None:
        """The model waits for something that only the event loop can do."""
        loop_ran = threading.Event()

        def scored(query: str, text: str) -> float:
            assert loop_ran.wait(HANG), "the event loop was blocked by the model"
            return overlap(query, text)

        async def other_work() -> None:
            loop_ran.set()

        async def both() -> Any:
            reranker = self.make(model=Score(FakeScorer(scored)))
            asked = self.arun(reranker, QUERY, self.documents(self.given()))
            done, _ = await asyncio.gather(asked, other_work())
            return done

        done = self.read(_finished(both()))
        assert [d.text for d in done] == [TEXTS[i] for i in BEST_FIRST]

    @needs("async")
    def test_a_reranker_belongs_to_no_event_loop(self) -> None:
        reranker, documents = self.make(model=_Remote(1)), self.documents(self.given())
        for _ in range(3):
            assert len(self.read(_finished(self.arun(reranker, QUERY, documents)))) == len(TEXTS)

    @needs("async")
    def test_cancelling_cancels_the_model(self) -> None:
        async def cancelled() -> None:
            stage = _Remote(2)
            asked = self.arun(self.make(model=stage), QUERY, self.documents(self.given()))
            task = asyncio.ensure_future(asked)
            while not stage.together.n_waiting:
                await asyncio.sleep(0)
                assert not task.done(), task.exception()
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            assert not stage.together.n_waiting, "the model is still waiting"

        _finished(cancelled())

    @needs("async")
    def test_inside_a_running_loop_the_sync_way_works(self) -> None:
        async def sync() -> Any:
            return self.run(self.make(model=raw()), QUERY, self.documents(self.given()))

        assert len(self.read(_finished(sync()))) == len(TEXTS)


class _Remote(Stage):
    """Waits on a network, as it were: nobody gets an answer before everybody has asked.

    Args:
        callers: How many must have asked.
        home: Thread and event loop on which it must be awaited; None if any will do.
    """

    name = "remote"

    def __init__(self, callers: int, home: tuple[int, int] | None = None) -> None:
        self.callers, self.home = callers, home
        self.together = asyncio.Barrier(callers)

    async def arun(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        assert self.home in (None, _here()), "awaited elsewhere than on the caller's event loop"
        if self.callers > 1:
            await self.together.wait()
        return [
            r.rescored([overlap(r.query, c.text) for c in r], "raw", by=self.name) for r in rankings
        ]


def _here() -> tuple[int, int]:
    return threading.get_ident(), id(asyncio.get_running_loop())


def _finished(work: Coroutine[Any, Any, Any]) -> Any:
    async def in_time() -> Any:
        async with asyncio.timeout(HANG):
            return await work

    return asyncio.run(in_time())
