"""What every client of a server checks: its address, its attempts, the size of an answer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from secondpass.core.errors import InvalidInputError

if TYPE_CHECKING:
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
