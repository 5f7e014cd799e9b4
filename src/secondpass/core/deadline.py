"""One budget of time for a whole call: every stage below sees what is left of it.

It is kept in a context variable, so that it crosses threads, event loops and `await`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from secondpass.core.errors import InvalidInputError

_ends: ContextVar[float | None] = ContextVar("secondpass_deadline", default=None)


def time_left() -> float | None:
    """Seconds until the deadline of this call, 0 where it has passed; None where there is none."""
    ends = _ends.get()
    return None if ends is None else max(0.0, ends - time.monotonic())


@contextmanager
def ends_within(seconds: float | None) -> Iterator[None]:
    """Set a deadline for what runs inside; one that is set already and ends earlier stays.

    None sets none.
    """
    if seconds is None:
        yield
        return
    ends, outer = time.monotonic() + seconds, _ends.get()
    token = _ends.set(ends if outer is None else min(ends, outer))
    try:
        yield
    finally:
        _ends.reset(token)


def checked_seconds(seconds: float, name: str = "deadline") -> float:
    """A span of time that somebody gave.

    Raises:
        InvalidInputError: Not a positive, finite number.
    """
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not math.isfinite(seconds) or seconds <= 0:
        raise InvalidInputError(
            f"{name}={seconds!r} must be positive seconds, such as 0.2; leave it out for no limit"
        )
    return float(seconds)
