"""What judging costs: planned by a dry run, counted after a real one."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.core.errors import InvalidInputError
from secondpass.core.event import Event
from secondpass.judge.algorithms.protocol import Algorithm, QuestionIndices, QuestionKind
from secondpass.judge.budget import Prices
from secondpass.judge.protocols import Usage

INSTRUCTIONS, PER_TEXT = 180, 18
"""Estimated prompt tokens of the instructions, and of the tags around each text."""

COMPLETION = {"order": (8, 5), "best": (6, 0), "compare": (2, 0), "rate": (2, 0)}
"""Estimated completion tokens: per answer, and per text shown."""


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """Figures of one ranking.

    Attributes:
        calls: The number of requests to the model.
        rounds: The number of sequential rounds: with enough concurrency, latency is about rounds
            x one call.
        prompt_tokens: Tokens read by the model.
        completion_tokens: Tokens written by it.
        usd: US dollars; None where no prices are known.
    """

    calls: int
    rounds: int
    prompt_tokens: int
    completion_tokens: int
    usd: float | None = None

    @classmethod
    def of(cls, usage: Usage, rounds: int, prices: Prices | None) -> CostEstimate:
        """The figures of a usage."""
        return cls(
            calls=usage.calls,
            rounds=rounds,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            usd=None if prices is None else prices.usd(usage),
        )

    def __str__(self) -> str:
        money = "" if self.usd is None else f", {self.usd:.4g} USD"
        return (
            f"{self.calls} calls in {self.rounds} rounds, {self.prompt_tokens} prompt and "
            f"{self.completion_tokens} completion tokens{money}"
        )


@dataclass(frozen=True, slots=True)
class CostEvent(Event):
    """The event of kind ``cost`` at the end of judging.

    Attributes:
        cost: The actual figures; its message is the same in words.
    """

    cost: CostEstimate


def estimate_usage(asks: QuestionKind, texts: int, text_tokens: float) -> Usage:
    """Estimate what one question takes.

    Args:
        asks: What it asks for.
        texts: The number of texts that it shows.
        text_tokens: Their tokens, all together.
    """
    per_answer, per_text = COMPLETION[asks]
    prompt = INSTRUCTIONS + PER_TEXT * texts + text_tokens
    return Usage(1, round(prompt), per_answer + per_text * texts)


def plan_cost(
    algorithm: Algorithm, n: int, mean_tokens: float, prices: Prices | None
) -> CostEstimate:
    """Run the algorithm against a dry judge that keeps the incoming order, and count.

    Raises:
        InvalidInputError: A negative number of candidates or tokens.
    """
    if n < 0 or not mean_tokens >= 0:
        raise InvalidInputError(f"n={n}, mean_tokens={mean_tokens}: both are 0 or more")
    total, rounds = Usage(), 0
    flow = algorithm.flow(n)
    try:
        current = next(flow)
        while True:
            rounds += 1
            for question in current.questions:
                tokens = len(question) * mean_tokens
                total += estimate_usage(algorithm.asks, len(question), tokens)
            current = flow.send([_dry_reply(algorithm.asks, q) for q in current.questions])
    except StopIteration:
        return CostEstimate.of(total, rounds, prices)


def _dry_reply(asks: QuestionKind, question: QuestionIndices) -> object:
    replies = {
        "order": sorted(question),
        "best": min(question),
        "compare": float(question[0] < question[-1]),
        "rate": -float(question[0]),
    }
    return replies[asks]
