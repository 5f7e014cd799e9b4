"""Coroutines: several side by side, and one from code that does not await."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def gather_or_cancel(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Like gather, but where one fails the others are cancelled and waited for."""
    task = asyncio.current_task()
    requests = task.cancelling() if task else 0
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except ExceptionGroup as failures:  # callers catch the error itself, not a group of one
        if task and task.cancelling() > requests:  # Python 3.11 leaves its own request behind, and
            task.uncancel()  # a cancel scope of anyio around the call would be cancelled by it
        raise failures.exceptions[0] from failures.exceptions[0].__cause__
    return [task.result() for task in tasks]


class _PrivateLoop:
    """One event loop in one daemon thread, made when first needed."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(
            target=self.loop.run_forever, name="secondpass-loop", daemon=True
        )
        self.thread.start()


_lock = threading.Lock()
_private: _PrivateLoop | None = None


def run_on_private_loop(work: Coroutine[Any, Any, T]) -> T:
    global _private
    with _lock:
        if _private is None or not _private.thread.is_alive():  # a fork keeps no threads
            _private = _PrivateLoop()
    if threading.current_thread() is _private.thread:
        work.close()
        raise RuntimeError("this would wait for itself: inside a stage's arun, await acall or arun")
    future = asyncio.run_coroutine_threadsafe(work, _private.loop)
    try:
        return future.result()
    except BaseException:
        future.cancel()  # an interrupt leaves nothing running behind it
        raise
