"""Pairwise heapsort: the best k with few comparisons."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.errors import InvalidInputError
from secondpass.judge.asking import Asks, Flow, Verdict
from secondpass.judge.duels import Duels
from secondpass.judge.heap import top_of_heap


@dataclass(frozen=True, slots=True)
class Heapsort:
    """Take the best k off a binary heap of comparisons. Gives an ``order``.

    PRP-Sorting of Qin et al. 2023, "Large Language Models are Effective Text Rankers with
    Pairwise Ranking Prompting" (arXiv 2306.17563): O(n + k log n) pairs, each asked in both
    orders and once; building the heap is parallel, level by level. A comparer without mistakes
    gets the first k right; those below keep their incoming order.

    Args:
        k: How many to sort, at least 1.

    Raises:
        InvalidInputError: k is less than 1.
    """

    k: int = 10

    def __post_init__(self) -> None:
        if self.k < 1:
            raise InvalidInputError(f"k={self.k}: sort at least 1")

    @property
    def asks(self) -> Asks:
        return "compare"

    def flow(self, n: int) -> Flow:
        if n < 2:
            return Verdict(list(range(n)))
        return Verdict((yield from top_of_heap(list(range(n)), self.k, 2, Duels().pick)))
