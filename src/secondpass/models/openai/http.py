"""HTTP clients of chat models: limited in time, size and address, and one per event loop."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import weakref
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future
from typing import Any, NamedTuple, cast

import httpx2
import openai

from secondpass.judge.chat.protocol import ChatError
from secondpass.models.openai.reply import choice_of

LARGEST = 16 * 2**20
"""Bytes of an answer, after decompression: ten times a long one with log-probabilities."""


class UnreadableError(httpx2.ProtocolError):
    """An answer that is not a chat completion; one of the errors after which openai asks again."""


class ChatClient(openai.DefaultAsyncHttpxClient):
    """Sends one request and reads the whole answer, or gives up.

    A redirect is not followed, since it would take the passages elsewhere. An answer with status
    200 that is not a chat completion is a failed attempt, like a broken connection.

    Args:
        timeout: Seconds for the whole attempt, from connecting to the last byte.
    """

    def __init__(self, timeout: float) -> None:
        super().__init__(timeout=timeout, follow_redirects=False)
        self._seconds = timeout

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request.

        Raises:
            httpx2.TimeoutException: It took longer than the limit.
            ChatError: The answer is larger than `LARGEST`.
            UnreadableError: It is not a chat completion.
        """
        try:
            async with asyncio.timeout(self._seconds):
                response = await self._read(request, options)
        except TimeoutError:
            raise httpx2.ReadTimeout("the attempt took too long", request=request) from None
        if response.is_success:
            try:
                choice_of(response.content)
            except ChatError as error:
                raise UnreadableError(str(error), request=request) from None
        return response

    async def _read(self, request: httpx2.Request, options: dict[str, Any]) -> httpx2.Response:
        response = await super().send(request, **{**options, "stream": True})
        body = bytearray()
        try:
            async for part in response.aiter_bytes():
                body += part
                if len(body) > LARGEST:
                    raise ChatError(
                        f"{request.url.host} answered with more than {LARGEST >> 20} MiB, which is "
                        "not a chat completion; check base_url, and any proxy on the way",
                        response.status_code,
                    )
        finally:
            await response.aclose()
        described = ("content-encoding", "content-length", "transfer-encoding")
        headers = [(k, v) for k, v in response.headers.multi_items() if k.lower() not in described]
        return httpx2.Response(
            response.status_code, headers=headers, content=bytes(body), request=response.request
        )


def new_client(
    key: str | None, base_url: str | None, *, own: bool, timeout: float, max_retries: int
) -> openai.AsyncOpenAI:
    """Make openai's client.

    Args:
        key: None where the environment has none either.
        own: Whether the environment's settings belong to this server: its organisation, project
            and headers go where its key goes, and nowhere else.

    Raises:
        openai.OpenAIError: There is no key.
    """
    client = openai.AsyncOpenAI(
        api_key=key,
        base_url=base_url,
        timeout=timeout,
        max_retries=max_retries,
        default_headers=None if own else _without_environment(key),
        http_client=ChatClient(timeout),
    )
    if not own:
        client.organization = client.project = None
    return client


def _without_environment(key: str | None) -> dict[str, str]:
    lines = (os.environ.get("OPENAI_CUSTOM_HEADERS") or "").split("\n")
    names = [name.strip() for name, colon, _ in (line.partition(":") for line in lines) if colon]
    omitted = {name: openai.Omit() for name in names if name.lower() != "authorization"}
    return cast("dict[str, str]", {**omitted, "Authorization": f"Bearer {key}"})


_Closing = AsyncGenerator[None, None]


class _Open(NamedTuple):
    """A client, the generator that closes it, and the process that opened it.

    A forked child has a copy, but not the thread of its loop, and must leave the connections to its
    parent.
    """

    client: openai.AsyncOpenAI
    closing: _Closing
    process: int


_OpenByLoop = weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Open]

_instances: weakref.WeakSet[ClientPerLoop] = weakref.WeakSet()


class ClientPerLoop:
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

    def __len__(self) -> int:
        return len(self._open)

    async def get(self, make: Callable[[], openai.AsyncOpenAI]) -> openai.AsyncOpenAI:
        """The running loop's client, made by `make` when first needed."""
        loop = asyncio.get_running_loop()
        current = self._open.get(loop)
        if current is None or current.process != os.getpid():
            client = make()
            closing = _hold_open(client, self._open)
            current = self._open[loop] = _Open(client, closing, os.getpid())
            await anext(closing)
        return current.client

    async def close(self) -> None:
        """Close the running loop's client, if it has one."""
        current = self._open.get(asyncio.get_running_loop())
        if current is not None and current.process == os.getpid():
            await current.closing.aclose()


async def _hold_open(client: openai.AsyncOpenAI, clients: _OpenByLoop) -> _Closing:
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
