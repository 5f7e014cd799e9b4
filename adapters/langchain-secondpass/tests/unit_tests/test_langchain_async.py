"""Async that is async, shown by counting what is under way at once, never by the clock."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from langchain_core.documents import Document
from langchain_secondpass import SecondPassRerank

from secondpass import Ranking, Stage
from secondpass.testing import overlap


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


async def test_the_runnable_too(documents: list[Document], query: str) -> None:
    stage = _Remote(100, _here())
    runnable = SecondPassRerank(model=stage).as_runnable()
    async with asyncio.timeout(60):
        done = await runnable.abatch([{"query": query, "documents": documents}] * 100)
    assert len(done) == 100
