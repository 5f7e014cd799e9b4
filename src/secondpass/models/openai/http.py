"""The HTTP client of chat models: limited in time, size and address."""

from __future__ import annotations

import asyncio
import os
from typing import Any, cast

import httpx2
import openai

from secondpass.judge.chat.protocol import ChatError
from secondpass.models.network import LARGEST, read_limited, tls_context
from secondpass.models.openai.reply import choice_of


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
        super().__init__(timeout=timeout, follow_redirects=False, verify=tls_context())
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
        body = await read_limited(response)
        if body is None:
            raise ChatError(
                f"{request.url.host} answered with more than {LARGEST >> 20} MiB, which is "
                "not a chat completion; check base_url, and any proxy on the way",
                response.status_code,
            )
        described = ("content-encoding", "content-length", "transfer-encoding")
        headers = [(k, v) for k, v in response.headers.multi_items() if k.lower() not in described]
        return httpx2.Response(
            response.status_code, headers=headers, content=body, request=response.request
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
