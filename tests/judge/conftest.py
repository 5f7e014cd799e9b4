"""A stage with each algorithm, and an event loop whose clock jumps instead of waiting."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from secondpass import Compare, Order, Rate, SlidingWindow, TopDown
from secondpass.judge import (
    AllPairs,
    Heapsort,
    SelfConsistent,
    SetwiseHeapsort,
    SetwiseInsertion,
    SlidingPairs,
    Tournament,
)

MAKERS: dict[str, Callable[..., Any]] = {
    "sliding window": partial(Order, algorithm=SlidingWindow(4, 2)),
    "top-down": partial(Order, algorithm=TopDown(4, 2)),
    "tournament": partial(Order, algorithm=Tournament(4, 1)),
    "setwise heapsort": partial(Order, algorithm=SetwiseHeapsort(3, 3)),
    "setwise insertion": partial(Order, algorithm=SetwiseInsertion(3, 3)),
    "self-consistent": partial(Order, algorithm=SelfConsistent(TopDown(4, 2), 3)),
    "all pairs": Compare,
    "bradley-terry": partial(Compare, algorithm=AllPairs("bradley-terry")),
    "heapsort": partial(Compare, algorithm=Heapsort(3)),
    "sliding pairs": partial(Compare, algorithm=SlidingPairs(3)),
    "rate": Rate,
}


@pytest.fixture(params=MAKERS)
def make_stage(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """From a judge and options to a stage with one of the algorithms."""
    return MAKERS[request.param]


class SkippingLoop(asyncio.SelectorEventLoop):
    """Where other loops wait for a timer, its clock jumps to it.

    Attributes:
        now: The time of its clock, in seconds from 0.
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
