"""Permutation self-consistency: judge several shuffles of the list, and join their orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from secondpass.core.errors import InvalidInputError
from secondpass.judge.algorithms.protocol import (
    Algorithm,
    AlgorithmSteps,
    QuestionKind,
    Round,
    Subroutine,
    Verdict,
    run_in_lockstep,
)
from secondpass.judge.algorithms.rank_aggregation import borda, kemeny


@dataclass(frozen=True, slots=True)
class SelfConsistent:
    """Run an algorithm on several shuffles, concurrently, and join the orders. Gives an ``order``.

    Tang et al. 2024, "Found in the Middle: Permutation Self-Consistency Improves Listwise Ranking
    in Large Language Models" (arXiv 2310.07712): position bias differs between shuffles
    and averages out. Takes `shuffles` times the calls, in no more rounds.

    Args:
        algorithm: Any that gives an order.
        shuffles: The number of lists, at least 1; the first is the incoming order itself, since
            some algorithms make use of it.
        aggregate: ``kemeny``, the fewest disagreements; ``borda``, the mean rank.
        seed: The same seed makes the same shuffles.

    Raises:
        InvalidInputError: Not an algorithm that orders, no shuffle, or no such aggregate.
    """

    algorithm: Algorithm
    shuffles: int = 5
    aggregate: Literal["kemeny", "borda"] = "kemeny"
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.algorithm, Algorithm) or self.algorithm.asks == "rate":
            raise InvalidInputError(
                f"{self.algorithm!r} is not an algorithm that gives an order; use SlidingWindow(), "
                "for example"
            )
        if self.shuffles < 1:
            raise InvalidInputError(f"shuffles={self.shuffles}: judge at least 1 list")
        if self.aggregate not in ("kemeny", "borda"):
            raise InvalidInputError(f"aggregate={self.aggregate!r}: choose 'kemeny' or 'borda'")

    @property
    def asks(self) -> QuestionKind:
        return self.algorithm.asks

    def flow(self, n: int) -> AlgorithmSteps:
        if n < 2:
            return Verdict(list(range(n)))
        random = Random(self.seed)
        lists = [list(range(n))] + [random.sample(range(n), n) for _ in range(self.shuffles - 1)]
        parts = [self._run_shuffled(n, shuffled) for shuffled in lists]
        orders = yield from run_in_lockstep(
            parts, lambda latest: list(range(n)) if latest == lists else borda(latest)
        )
        return Verdict(kemeny(orders) if self.aggregate == "kemeny" else borda(orders))

    def _run_shuffled(self, n: int, shuffled: Sequence[int]) -> Subroutine[list[int]]:
        """The inner algorithm's flow, with its indices translated there and back."""
        flow, asks = self.algorithm.flow(n), self.asks
        inner = {index: i for i, index in enumerate(shuffled)}
        try:
            current = next(flow)
            while True:
                questions = tuple(tuple(shuffled[i] for i in q) for q in current.questions)
                replies = yield Round(questions, [shuffled[i] for i in current.so_far])
                if asks == "order":
                    replies = [[inner[index] for index in order] for order in replies]
                elif asks == "best":
                    replies = [inner[index] for index in replies]
                current = flow.send(replies)
        except StopIteration as done:
            return [shuffled[i] for i in done.value.order]
