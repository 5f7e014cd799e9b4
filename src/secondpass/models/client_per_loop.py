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


class Closable(Protocol):
    """A network client."""

    async def close(self) -> None: ...


C = TypeVar("C", bound=Closable)
_Closing = AsyncGenerator[None, None]


class _Open(NamedTuple):
    """A client, the generator that closes it, and the process that opened it.

    A forked child has a copy, but not the thread of its loop, and must leave the connections to its
    parent.
    """

    client: Any
    closing: _Closing
    process: int


_OpenByLoop = weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Open]

_instances: weakref.WeakSet[ClientPerLoop[Any]] = weakref.WeakSet()


class ClientPerLoop(Generic[C]):
    """One client per event loop, since a connection belongs to the loop that opened it.

    `asyncio.run` and similar functions end a loop by closing the asynchronous generators begun in
    it. Each client is held open by such a generator, so its connections are closed in the loop to
    which they belong, and no caller has to close them. Clients in a loop that keeps running are
    closed when this object is gone. Its `len` is the number of open clients.
    """

    def __init__(self) -> None:
        self._open: _OpenByLoop = weakref.WeakKeyDictionary()
        weakref.finalize(self, _close_all, self._open).atexit = False
        _instances.add(self)

    def __reduce__(self) -> tuple[type[ClientPerLoop[C]], tuple[()]]:
        return type(self), ()  # connections are not pickled: the copy has none yet

    def __len__(self) -> int:
        return len(self._open)

    async def get(self, make: Callable[[], C]) -> C:
        """The running loop's client, made by `make` when first needed."""
        loop = asyncio.get_running_loop()
        current = self._open.get(loop)
        if current is None or current.process != os.getpid():
            made = make()
            closing = _hold_open(made, self._open)
            current = self._open[loop] = _Open(made, closing, os.getpid())
            await anext(closing)
        client: C = current.client
        return client

    async def close(self) -> None:
        """Close the running loop's client, if it has one."""
        current = self._open.get(asyncio.get_running_loop())
        if current is not None and current.process == os.getpid():
            await current.closing.aclose()


async def _hold_open(client: Closable, clients: _OpenByLoop) -> _Closing:
    try:
        yield
    finally:
        clients.pop(asyncio.get_running_loop(), None)
        await client.close()


def _close_all(clients: _OpenByLoop) -> list[Future[None]]:
    """Have every loop that still runs close its client."""
    futures: list[Future[None]] = []
    for loop, current in list(clients.items()):
        if loop.is_running() and current.process == os.getpid():
            work = _close(current.closing)
            try:
                futures.append(asyncio.run_coroutine_threadsafe(work, loop))
            except RuntimeError:  # it ended just now, and has closed everything
                work.close()
    return futures


async def _close(closing: _Closing) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closing it right now
        await closing.aclose()


def close_clients() -> list[Future[None]]:
    """Begin to close this process's clients in all loops that still run."""
    return [future for clients in list(_instances) for future in _close_all(clients._open)]


@atexit.register
def _close_at_exit() -> None:
    """Close sockets of loops in other threads, which end without closing anything."""
    for future in close_clients():
        with contextlib.suppress(Exception):  # too late to report it
            future.result(timeout=1)
