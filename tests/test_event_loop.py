"""Work side by side in one task, which is as it was afterwards."""

from __future__ import annotations

import asyncio

import pytest

from secondpass.core.event_loop import gather_or_cancel


async def _fail() -> None:
    await asyncio.sleep(0)
    raise ValueError("it failed")


async def test_a_failure_leaves_no_request_to_cancel_behind() -> None:
    """With one, anyio's cancel scopes around the call (Starlette, MCP) would be cancelled later."""
    task = asyncio.current_task()
    assert task is not None
    with pytest.raises(ValueError, match="it failed"):
        await gather_or_cancel([_fail(), asyncio.sleep(9)])
    assert task.cancelling() == 0


async def test_a_request_from_outside_stays() -> None:
    async def work() -> int:
        task = asyncio.current_task()
        assert task is not None
        try:
            await asyncio.sleep(9)
        except asyncio.CancelledError:
            with pytest.raises(ValueError, match="it failed"):
                await gather_or_cancel([_fail()])
        return task.cancelling()

    running = asyncio.create_task(work())
    await asyncio.sleep(0)
    running.cancel()
    assert await running == 1
