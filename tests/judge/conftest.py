"""An event loop that does not wait, so that deadlines are tested and no machine is too slow."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Iterator
from typing import Any

import pytest


class SkippingLoop(asyncio.SelectorEventLoop):
    """Where others would wait for a timer, its clock jumps there.

    Attributes:
        now: What the loop takes for the time, in seconds from 0.
    """

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Skipping(self))

    def time(self) -> float:
        return self.now


class _Skipping(selectors.DefaultSelector):
    def __init__(self, loop: SkippingLoop) -> None:
        super().__init__()
        self.loop = loop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0 if timeout else timeout)
        if not ready and timeout:
            self.loop.now += timeout
        return ready


@pytest.fixture
def skipping() -> Iterator[asyncio.Runner]:
    """Runs coroutines in a `SkippingLoop`."""
    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        yield runner
