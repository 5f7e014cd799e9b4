"""What every client of a server checks: its address, its attempts, the size of an answer."""

from __future__ import annotations

import math
import os
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from secondpass.core.errors import InvalidInputError

if TYPE_CHECKING:
    import ssl

    import httpx2

LARGEST = 16 * 2**20
"""Bytes of an answer, after decompression: ten times a long one with log-probabilities."""


def check_url(url: str, *, name: str, example: str, remedy: str) -> SplitResult:
    """The parts of an address.

    Args:
        url: What the caller gave.
        name: What the caller calls it.
        example: An address of the right form.
        remedy: What to do instead of putting a password into it.

    Raises:
        InvalidInputError: Not an http address, or one that holds a user or a password.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port  # raises where it is not one
    except ValueError:
        usable = False
    if not usable:
        raise InvalidInputError(f"{name}={url!r} must look like {example}")
    if parts.username or parts.password:
        raise InvalidInputError(f"{name} must not hold a user or a password: {remedy}")
    return parts


def check_attempts(timeout: float, max_retries: int) -> None:
    """Check the limits of a request.

    Raises:
        InvalidInputError: `timeout` is not positive and finite, or `max_retries` not 0 to 20.
    """
    numbers = isinstance(timeout, int | float) and isinstance(max_retries, int)
    if not numbers or not 0 < timeout < math.inf or not 0 <= max_retries <= 20:
        raise InvalidInputError(
            f"timeout={timeout} must be positive seconds, max_retries={max_retries} 0 to 20"
        )


def check_count(value: int, name: str, *, least: int = 1, most: float = math.inf) -> None:
    """Check a whole number.

    Raises:
        InvalidInputError: It is none, or out of its bounds.
    """
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not least <= value <= most:
        bounds = f"at least {least}" if most == math.inf else f"{least} to {most}"
        raise InvalidInputError(f"{name}={value!r} must be a whole number, {bounds}")


def tls_context() -> ssl.SSLContext:
    """What clients check certificates with. To read them takes longer than a request on a good day,
    and a stage that is called without a running event loop makes a client for each call.
    """
    return _tls_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _tls_context(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """One for each setting of the environment, which httpx2 reads by itself."""
    import httpx2

    return httpx2.create_ssl_context()


async def read_limited(response: httpx2.Response) -> bytes | None:
    """All of a streamed answer, or None if it is larger than `LARGEST`. It is closed then."""
    body = bytearray()
    try:
        async for part in response.aiter_bytes():
            body += part
            if len(body) > LARGEST:
                return None
    finally:
        await response.aclose()
    return bytes(body)
