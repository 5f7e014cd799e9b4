"""How many requests an answer may take, so that repairs keep to a budget's `max_calls` too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class NoCallsLeftError(Exception):
    """The budget has no request left for what an answer still needs."""


class Allowance:
    """The requests granted to one answer. One is, to begin with; more have to be asked for.

    Args:
        another: Grants one more, where the budget allows it.

    Attributes:
        granted: How many are so far.
    """

    def __init__(self, another: Callable[[], bool]) -> None:
        self.granted = 1
        self._another = another

    def covers(self, requests: int) -> bool:
        """Whether the answer may take so many in all."""
        while self.granted < requests and self._another():
            self.granted += 1
        return self.granted >= requests


_current: ContextVar[Allowance | None] = ContextVar("allowance", default=None)


@contextmanager
def allowed(allowance: Allowance) -> Iterator[None]:
    """Answers begun inside keep to an allowance. Judges' methods have no argument for it."""
    token = _current.set(allowance)
    try:
        yield
    finally:
        _current.reset(token)


def current_allowance() -> Allowance | None:
    """What the answer begun here may take; None where nothing limits it."""
    return _current.get()
