"""Permutation self-consistency: judge several shuffles of the list, and take what they share."""

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
    """Run an algorithm on several shuffles, side by side, and join the orders. Gives an ``order``.

    Tang et al. 2024, "Found in the Middle: Permutation Self-Consistency Improves Listwise Ranking
    in Large Language Models" (arXiv 2310.07712): what a judge says because of where a text stands
    differs between shuffles and averages out. Takes `shuffles` times the calls, in no more rounds.

    Args:
        algorithm: Any that gives an order.
        shuffles: How many lists, at least 1; the first is the incoming order itself, since some
            algorithms make use of it.
        aggregate: ``kemeny``, the fewest disagreements; ``borda``, the mean rank.
        seed: The same seed makes the same shuffles.

    Raises:
        InvalidInputError: No algorithm, no shuffle, or no such aggregate.
    """

    algorithm: Algorithm
    shuffles: int = 5
    aggregate: Literal["kemeny", "borda"] = "kemeny"
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.algorithm, Algorithm) or self.algorithm.asks == "rate":
            raise InvalidInputError(
                f"{self.algorithm!r} is no algorithm that gives an order, such as SlidingWindow()"
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
        parts = [self._shuffled(n, places) for places in lists]
        orders = yield from run_in_lockstep(
            parts, lambda known: list(range(n)) if known == lists else borda(known)
        )
        return Verdict(kemeny(orders) if self.aggregate == "kemeny" else borda(orders))

    def _shuffled(self, n: int, places: Sequence[int]) -> Subroutine[list[int]]:
        """The inner algorithm's flow, with its places translated there and back."""
        flow, asks = self.algorithm.flow(n), self.asks
        back = {place: i for i, place in enumerate(places)}
        try:
            asked = next(flow)
            while True:
                questions = tuple(tuple(places[i] for i in q) for q in asked.questions)
                replies = yield Round(questions, [places[i] for i in asked.so_far])
                if asks == "order":
                    replies = [[back[place] for place in reply] for reply in replies]
                elif asks == "best":
                    replies = [back[place] for place in replies]
                asked = flow.send(replies)
        except StopIteration as done:
            return [places[i] for i in done.value.order]
