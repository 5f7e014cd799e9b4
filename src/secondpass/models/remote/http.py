"""One request to a rerank API: attempts with a limit in time and size, and to one address."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from secondpass.core.errors import MissingExtraError
from secondpass.models.network import LARGEST, read_limited, tls_context
from secondpass.models.remote.address import ServerAddress
from secondpass.models.remote.errors import RemoteError
from secondpass.models.remote.reply import UnreadableReplyError, error_text

try:
    import httpx2
except ImportError as error:
    raise MissingExtraError("a reranker behind a URL", "remote") from error

T = TypeVar("T")
LONGEST_PAUSE = 60.0
"""Seconds that a server may ask to wait before the next attempt."""
_REPEATED = frozenset((408, 409, 425, 429, 500, 502, 503, 504, 529))
"""Statuses after which the same request may succeed."""


class TooManyTextsError(Exception):
    """The server reads fewer texts per request."""


@dataclass(slots=True)
class RequestRun:
    """What the requests of one run of a stage share.

    Attributes:
        gate: Limits how many are in flight.
        answered: Whether any was: from then on a failure loses what was paid for.
    """

    gate: asyncio.Semaphore
    answered: bool = False


class RerankClient(httpx2.AsyncClient):
    """Sends requests of one event loop. A redirect is not followed, since texts would go with it.

    Args:
        connections: How many may be open.
    """

    def __init__(self, connections: int) -> None:
        limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
        super().__init__(limits=limits, timeout=None, follow_redirects=False, verify=tls_context())

    async def close(self) -> None:
        """What `ClientPerLoop` calls."""
        await self.aclose()

    async def ask(
        self,
        address: ServerAddress,
        body: Mapping[str, Any],
        read: Callable[[bytes], T],
        *,
        timeout: float,
        max_retries: int,
    ) -> tuple[T, int]:
        """Send a request until it is answered.

        Args:
            address: Where to, and the key.
            body: JSON.
            read: Makes the result of an answer, or raises `UnreadableReplyError`.
            timeout: Seconds for one attempt, from connecting to the last byte.
            max_retries: How many more attempts after the first.

        Returns:
            What `read` made, and how many attempts failed before.

        Raises:
            RemoteError: All attempts failed, or the server refused the request.
            TooManyTextsError: It wants fewer texts.
        """
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        for attempt in range(max_retries + 1):
            pause: float | None = None
            status: int | None = None
            try:
                async with asyncio.timeout(timeout):
                    status, headers, answer = await self._once(address, content)
                if 200 <= status < 300:
                    return read(answer), attempt
                if status not in _REPEATED:
                    raise _refusal(address, status, answer)
                failure = f"answered {status}: {error_text(answer)}"
                pause = _retry_after(headers)
            except TimeoutError:
                failure = f"did not answer within {timeout:g} s"
            except UnreadableReplyError as problem:
                failure = f"gave an unreadable answer: {problem}"
            except httpx2.HTTPError as problem:
                failure = f"could not be reached ({str(problem) or type(problem).__name__})"
            if attempt < max_retries:
                await asyncio.sleep(_pause(attempt, pause))
        times = f" in {max_retries + 1} attempts" if max_retries else ""
        message = f"{address.host} {address.without_key(failure)}{times}"
        raise RemoteError(message, status)

    async def _once(
        self, address: ServerAddress, content: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        headers = await address.headers_for(content)
        request = self.build_request("POST", address.endpoint(), content=content, headers=headers)
        response = await self.send(request, stream=True)
        answer = await read_limited(response)
        if answer is None:
            raise RemoteError(
                f"{address.host} answered with more than {LARGEST >> 20} MiB, which is not "
                "a list of scores; check the address, and what stands between",
                response.status_code,
            )
        return response.status_code, response.headers, answer


def _refusal(address: ServerAddress, status: int, answer: bytes) -> Exception:
    said = error_text(answer)
    if status == 413 or (status in (400, 422) and "batch size" in said.lower()):
        return TooManyTextsError(f"{address.host} answered {status}: {address.without_key(said)}")
    where = address.endpoint()
    message = f"{where} answered {status}: {said}"
    if 300 <= status < 400:
        message = (
            f"{where} redirects ({status}); texts are not sent where you did not say. Give the "
            "right address as url"
        )
    elif status == 401:
        message = f"{address.host} refused the key (401): {said}"
    elif status == 404:
        message = f"{where} is not there (404): {said}; is it the right dialect and address?"
    elif status == 405:
        message = f"{where} takes no POST (405); is it the right dialect and address?"
    return RemoteError(address.without_key(message), status)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait: a number or a date."""
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _pause(attempt: int, asked: float | None) -> float:
    """Seconds before the next attempt: as asked, or growing, spread so that clients part."""
    if asked is not None:
        return min(asked, LONGEST_PAUSE)
    return float(min(8.0, 0.25 * 2**attempt)) * random.uniform(0.5, 1.0)
