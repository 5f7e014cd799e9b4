"""What judging may take, what it costs, and how much of a budget is used up.

A `Meter` counts one ranking's usage. A `CallAllowance` passes what is left of `max_calls` down to
whatever needs more than one request for an answer, so that repairs keep to the limit too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from secondpass.core.deadline import time_left
from secondpass.core.errors import InvalidInputError
from secondpass.judge.chat.protocol import ChatError
from secondpass.judge.protocols import Usage


@dataclass(frozen=True, slots=True)
class Prices:
    """What a model's tokens cost, in US dollars per million.

    Raises:
        InvalidInputError: A negative price.
    """

    prompt: float
    completion: float

    def __post_init__(self) -> None:
        if not (self.prompt >= 0 and self.completion >= 0):
            raise InvalidInputError(f"{self}: a price is 0 or more dollars per million tokens")

    def usd(self, usage: Usage) -> float:
        """The price of these tokens, in US dollars."""
        return (usage.prompt_tokens * self.prompt + usage.completion_tokens * self.completion) / 1e6


@dataclass(frozen=True, slots=True)
class Budget:
    """What judging one ranking may take. Where it ends, the best order so far is the result.

    The result has an event that says so. Each ranking has its own budget, however many are judged
    at the same time. `max_calls` is never exceeded: a repair is a call too, and where none is left
    for it, the answer is used as it is. No call starts that is expected to exceed another limit,
    going by an estimate of its tokens; one that turns out longer, or is repaired, is still counted
    and used. At the deadline, calls in flight are cancelled; a judge without async methods cannot
    be cancelled, and finishes its current call.

    Args:
        max_calls: Requests that the model answers. A request that a server rejects (because of an
            option that it does not support) or fails to answer is not counted.
        max_tokens: Tokens, prompt and completion together.
        max_usd: US dollars; needs `prices`.
        deadline: Seconds from the start of the run, including the time spent waiting for other
            rankings.
        prices: With them, the cost event also has the amount of money.

    Raises:
        InvalidInputError: A negative limit, or `max_usd` without prices.
    """

    max_calls: int | None = None
    max_tokens: int | None = None
    max_usd: float | None = None
    deadline: float | None = None
    prices: Prices | None = None

    def __post_init__(self) -> None:
        limits = (self.max_calls, self.max_tokens, self.max_usd, self.deadline)
        if not all(limit is None or limit >= 0 for limit in limits):
            raise InvalidInputError(f"{self}: a limit is 0 or more")
        if self.max_usd is not None and self.prices is None:
            raise InvalidInputError(
                f"max_usd={self.max_usd} needs prices=Prices(prompt, completion), in US dollars "
                "per million tokens"
            )


class Meter:
    """What one ranking has used of its budget.

    Attributes:
        used: The usage of all answers.
        ended: Why no more may be asked; None while it may.
        deadline: When the deadline is, in seconds of the event loop's clock; None for never.
        out_of_time: Whether the deadline of the whole call has ended it.
    """

    def __init__(self, budget: Budget | None, start: float) -> None:
        """`start`: the current time, in seconds of the event loop's clock."""
        self.budget = budget or Budget()
        self.used = Usage()
        self.ended: str | None = None
        own, left = self.budget.deadline, time_left()
        self._seconds = min((s for s in (own, left) if s is not None), default=None)
        self.deadline = None if self._seconds is None else start + self._seconds
        self._whole_call = left is not None and self._seconds == left
        self.out_of_time = False
        self._reserved = Usage()

    @property
    def calls_left(self) -> int | None:
        """How many calls may still start; None for any number."""
        limit = self.budget.max_calls
        return None if limit is None else limit - self.used.calls - self._reserved.calls

    def reserve(self, expected: Usage, now: float) -> bool:
        """Whether a question may be asked. If so, settle it later."""
        if self.ended is None:
            self.ended = self._exceeded(self.used + self._reserved + expected, now)
        if self.ended is not None:
            return False
        self._reserved += expected
        return True

    def reserve_call(self) -> bool:
        """Whether a question in hand may take one more call. If so, settle it with the question."""
        left = self.calls_left
        if left is not None and left < 1:
            return False
        self._reserved += Usage(1)
        return True

    def settle(self, expected: Usage, actual: Usage) -> None:
        """Replace what was reserved for a question by what it took."""
        self._reserved -= expected
        self.used += actual

    def end_at_deadline(self) -> None:
        """The deadline has passed."""
        self.out_of_time = self._whole_call
        self.ended = f"deadline of {self._seconds:.3g} seconds"

    def _exceeded(self, total: Usage, now: float) -> str | None:
        """The limit that a total exceeds; None where it keeps to all."""
        budget, limit = self.budget, None
        if budget.max_calls is not None and total.calls > budget.max_calls:
            limit = f"limit of {budget.max_calls} calls"
        tokens = total.prompt_tokens + total.completion_tokens
        if budget.max_tokens is not None and tokens > budget.max_tokens:
            limit = f"limit of {budget.max_tokens} tokens"
        prices = budget.prices
        if budget.max_usd is not None and prices and prices.usd(total) > budget.max_usd:
            limit = f"limit of {budget.max_usd:g} USD"
        if self.deadline is not None and now >= self.deadline:
            self.end_at_deadline()
            limit = self.ended
        return limit


class NoCallsLeftError(Exception):
    """The budget has no call left for a request that an answer still needs."""


class CallAllowance:
    """The calls granted to one answer: one at first, more on request while the budget allows it.

    Attributes:
        granted: The number of calls so far.
        used: What the answer took; set by the runner, or taken from a `ChatError`.
    """

    def __init__(self, meter: Meter) -> None:
        self.granted, self.used = 1, Usage()
        self._meter = meter

    def covers(self, calls: int) -> bool:
        """Whether the answer may take this number of calls in all."""
        while self.granted < calls and self._meter.reserve_call():
            self.granted += 1
        return self.granted >= calls


_current: ContextVar[CallAllowance | None] = ContextVar("allowance", default=None)


@contextmanager
def settle_after(meter: Meter, reserved: Usage) -> Iterator[CallAllowance]:
    """Settle what was reserved for a question at the end of the block.

    Answers begun inside keep to the allowance. It is passed down in a context variable, since
    judges' methods have no argument for it.
    """
    allowance = CallAllowance(meter)
    token = _current.set(allowance)
    try:
        yield allowance
    except ChatError as error:
        allowance.used = error.usage
        raise
    finally:
        _current.reset(token)
        meter.settle(reserved + Usage(allowance.granted - 1), allowance.used)


def current_allowance() -> CallAllowance | None:
    """The allowance of the answer begun here; None where nothing limits it."""
    return _current.get()
