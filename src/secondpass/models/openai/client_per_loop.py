"""One network client per event loop, since a connection belongs to the loop that opened it."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import weakref
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

_Closing = AsyncGenerator[None, None]


class Closable(Protocol):
    """A network client."""

    async def close(self) -> None: ...


C = TypeVar("C", bound=Closable)


class _Open(NamedTuple):
    """A client, what closes it, and the process that opened it: a forked child has a copy, but not
    the thread of its loop, and must leave the connections to its parent."""

    client: Any
    closing: _Closing
    process: int


_Held = weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Open]

_alive: weakref.WeakSet[ClientPerLoop[Any]] = weakref.WeakSet()


class ClientPerLoop(Generic[C]):
    """Makes a client where a loop has none yet, and closes it with its loop.

    `asyncio.run` and its like end a loop by closing the asynchronous generators begun in it. Each
    client is held open by one, so its connections are closed in the loop that they belong to,
    and nobody needs to remember to. Clients in a loop that goes on are closed when this object
    is gone.
    """

    def __init__(self) -> None:
        self._held: _Held = weakref.WeakKeyDictionary()
        weakref.finalize(self, _close_all, self._held).atexit = False
        _alive.add(self)

    async def here(self, make: Callable[[], C]) -> C:
        """The running loop's client, made by `make` when first needed."""
        loop = asyncio.get_running_loop()
        held = self._held.get(loop)
        if held is None or held.process != os.getpid():
            made = make()
            closing = _hold(made, self._held)
            held = self._held[loop] = _Open(made, closing, os.getpid())
            await anext(closing)
        client: C = held.client
        return client

    async def close_here(self) -> None:
        """Close the running loop's client, if it has one."""
        held = self._held.get(asyncio.get_running_loop())
        if held is not None and held.process == os.getpid():
            await held.closing.aclose()


async def _hold(client: Closable, held: _Held) -> _Closing:
    try:
        yield
    finally:
        held.pop(asyncio.get_running_loop(), None)
        await client.close()


def _close_all(held: _Held) -> list[Future[None]]:
    """Have every loop that still runs close its client."""
    begun: list[Future[None]] = []
    for loop, one in list(held.items()):
        if loop.is_running() and one.process == os.getpid():
            work = _closed(one.closing)
            try:
                begun.append(asyncio.run_coroutine_threadsafe(work, loop))
            except RuntimeError:  # it ended just now, and has closed everything
                work.close()
    return begun


async def _closed(closing: _Closing) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closing it right now
        await closing.aclose()


@atexit.register
def _close_at_exit() -> None:
    """Sockets of loops in other threads: those threads are stopped without a word."""
    for clients in list(_alive):
        for future in _close_all(clients._held):
            with contextlib.suppress(Exception):  # too late to tell anybody
                future.result(timeout=1)
