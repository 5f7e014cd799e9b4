"""What judging may cost, and what it costs in money."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.errors import InvalidInputError
from secondpass.judge.answer import Usage


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
