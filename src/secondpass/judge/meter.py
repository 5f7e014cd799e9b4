"""Counts what one ranking takes, and says when its budget is used up."""

from __future__ import annotations

from secondpass.judge.answer import Usage
from secondpass.judge.budget import Budget


class Meter:
    """One ranking's consumption.

    Attributes:
        used: What was answered.
        ended: Why nothing more may be asked; None while it may.
    """

    def __init__(self, budget: Budget | None, start: float) -> None:
        """`start`: now, in seconds of the event loop's clock."""
        self.budget = budget or Budget()
        self.used = Usage()
        self.ended: str | None = None
        deadline = self.budget.deadline
        self.ends = None if deadline is None else start + deadline
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
        self.ended = f"deadline of {self.budget.deadline:g} seconds"

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
