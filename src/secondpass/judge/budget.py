"""What judging may cost, and what it costs in money."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.core.deadline import time_left
from secondpass.core.errors import InvalidInputError
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
        """What these tokens cost, in US dollars."""
        return (usage.prompt_tokens * self.prompt + usage.completion_tokens * self.completion) / 1e6


@dataclass(frozen=True, slots=True)
class Budget:
    """What judging one ranking may take. Where it ends, the best order so far stands, and an event.

    It counts per ranking, however many run side by side. `max_calls` is never passed: a repair is a
    call too, and where none is left for it, what the answer told stands. No call starts that is
    expected to pass another limit, going by an estimate of its tokens; one that turns out longer,
    or is repaired, is still counted and used. At the deadline, calls in flight are cancelled; a
    judge without async methods cannot be, and finishes the one it is at.

    Args:
        max_calls: Requests that the model answers. What a server refuses (an option that it does
            not know) or fails to answer is not counted.
        max_tokens: Tokens, prompt and completion together.
        max_usd: Money, which needs `prices`.
        deadline: Seconds from the start of the run, waiting for other rankings included.
        prices: With them, the event on what it cost also says how much money.

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
    """One ranking's consumption.

    Attributes:
        used: What was answered.
        ended: Why nothing more may be asked; None while it may.
        out_of_time: Whether that is the deadline of the whole call.
    """

    def __init__(self, budget: Budget | None, start: float) -> None:
        """`start`: now, in seconds of the event loop's clock."""
        self.budget = budget or Budget()
        self.used = Usage()
        self.ended: str | None = None
        own, left = self.budget.deadline, time_left()
        limits = [seconds for seconds in (own, left) if seconds is not None]
        self.deadline = min(limits, default=None)
        self.ends = None if self.deadline is None else start + self.deadline
        self._whole_call = left is not None and self.deadline == left
        self.out_of_time = False
        self._reserved = Usage()

    @property
    def calls_left(self) -> int | None:
        """How many calls may still start; None for any number."""
        most = self.budget.max_calls
        return None if most is None else most - self.used.calls - self._reserved.calls

    def reserve(self, expected: Usage, now: float) -> bool:
        """Whether a question may be asked. If so, settle it later."""
        if self.ended is None:
            self.ended = self._limit(self.used + self._reserved + expected, now)
        if self.ended is not None:
            return False
        self._reserved += expected
        return True

    def another_call(self) -> bool:
        """Whether a question in hand may take one more call. If so, settle that with it."""
        left = self.calls_left
        if left is not None and left < 1:
            return False
        self._reserved += Usage(1)
        return True

    def settle(self, expected: Usage, actual: Usage) -> None:
        """A question that was reserved has been answered."""
        self._reserved = Usage(
            self._reserved.calls - expected.calls,
            self._reserved.prompt_tokens - expected.prompt_tokens,
            self._reserved.completion_tokens - expected.completion_tokens,
        )
        self.used += actual

    def late(self) -> None:
        """The deadline has passed."""
        self.out_of_time = self._whole_call
        self.ended = f"deadline of {self.deadline:.3g} seconds"

    def _limit(self, total: Usage, now: float) -> str | None:
        budget, ended = self.budget, None
        if budget.max_calls is not None and total.calls > budget.max_calls:
            ended = f"limit of {budget.max_calls} calls"
        tokens = total.prompt_tokens + total.completion_tokens
        if budget.max_tokens is not None and tokens > budget.max_tokens:
            ended = f"limit of {budget.max_tokens} tokens"
        prices = budget.prices
        if budget.max_usd is not None and prices and prices.usd(total) > budget.max_usd:
            ended = f"limit of {budget.max_usd:g} USD"
        if self.ends is not None and now >= self.ends:
            self.late()
            ended = self.ended
        return ended
