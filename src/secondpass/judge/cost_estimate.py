"""What judging takes: planned before it runs, counted after."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.core.errors import InvalidInputError
from secondpass.core.event import Event
from secondpass.judge.algorithms.protocol import Algorithm, QuestionIndices, QuestionKind, Round
from secondpass.judge.budget import Prices
from secondpass.judge.protocols import Usage

INSTRUCTIONS, PER_TEXT = 180, 18
"""Estimated prompt tokens of the question itself, and of the marks around each text."""

COMPLETION = {"order": (8, 5), "best": (6, 0), "compare": (2, 0), "rate": (2, 0)}
"""Estimated completion tokens: in any case, and for each text shown."""


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """Figures of one ranking.

    Attributes:
        calls: Requests to the model.
        rounds: Sequential depth: with enough of them side by side, the time is so many calls long.
        prompt_tokens: Read by the model.
        completion_tokens: Written by it.
        usd: US dollars; None where no prices are known.
    """

    calls: int
    rounds: int
    prompt_tokens: int
    completion_tokens: int
    usd: float | None = None

    @classmethod
    def of(cls, usage: Usage, rounds: int, prices: Prices | None) -> CostEstimate:
        """The figures of what was used."""
        money = None if prices is None else prices.usd(usage)
        return cls(usage.calls, rounds, usage.prompt_tokens, usage.completion_tokens, money)

    def __str__(self) -> str:
        money = "" if self.usd is None else f", {self.usd:.4g} USD"
        return (
            f"{self.calls} calls in {self.rounds} rounds, {self.prompt_tokens} prompt and "
            f"{self.completion_tokens} completion tokens{money}"
        )


@dataclass(frozen=True, slots=True)
class CostEvent(Event):
    """The event of kind ``cost`` that judging ends with.

    Attributes:
        cost: The actual figures; its message is the same in words.
    """

    cost: CostEstimate


def estimated(asks: QuestionKind, texts: int, text_tokens: float) -> Usage:
    """What one question takes that shows so many texts with so many tokens in all."""
    always, each = COMPLETION[asks]
    prompt = INSTRUCTIONS + PER_TEXT * texts + text_tokens
    return Usage(1, round(prompt), always + each * texts)


def planned(
    algorithm: Algorithm, n: int, mean_tokens: float, prices: Prices | None
) -> CostEstimate:
    """Run the algorithm against a dry judge that keeps the incoming order, and count.

    Raises:
        InvalidInputError: A negative number of candidates or tokens.
    """
    if n < 0 or not mean_tokens >= 0:
        raise InvalidInputError(f"n={n}, mean_tokens={mean_tokens}: both are 0 or more")
    used, rounds = Usage(), 0
    flow = algorithm.flow(n)
    try:
        asked: Round = next(flow)
        while True:
            rounds += 1
            for q in asked.questions:
                used += estimated(algorithm.asks, len(q), len(q) * mean_tokens)
            asked = flow.send([_dry(algorithm.asks, q) for q in asked.questions])
    except StopIteration:
        return CostEstimate.of(used, rounds, prices)


def _dry(asks: QuestionKind, question: QuestionIndices) -> object:
    replies = {
        "order": sorted(question),
        "best": min(question),
        "compare": float(question[0] < question[-1]),
        "rate": -float(question[0]),
    }
    return replies[asks]
