"""Pairwise algorithms: the judge says which of two texts is better, in both orders of showing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import fsum
from typing import Literal

from secondpass.core.errors import InvalidInputError
from secondpass.judge.algorithms.protocol import (
    AlgorithmSteps,
    QuestionKind,
    Round,
    Subroutine,
    Verdict,
)
from secondpass.judge.algorithms.rank_aggregation import log_strengths
from secondpass.judge.algorithms.setwise import top_of_heap

Pair = tuple[int, int]


class PairwiseMemo:
    """Comparisons of one flow. No pair is asked twice, and position bias cancels out."""

    def __init__(self) -> None:
        self._probabilities: dict[Pair, float] = {}

    def ask(self, pairs: Iterable[Pair], so_far: list[int]) -> Subroutine[None]:
        """Ask about the pairs that were not asked before, each in both orders, in one round."""
        new = [pair for pair in pairs if pair not in self._probabilities]
        if not new:
            return
        replies = yield Round(tuple(q for a, b in new for q in ((a, b), (b, a))), so_far)
        for (a, b), forward, backward in zip(new, replies[::2], replies[1::2], strict=True):
            p = (forward + (1 - backward)) / 2
            self._probabilities[a, b], self._probabilities[b, a] = p, 1 - p

    def prefers(self, a: int, b: int) -> bool:
        """Whether a is better than b; on a draw, the one that came in first."""
        p = self._probabilities[a, b]
        return p > 0.5 or (p == 0.5 and a < b)

    def ask_best(self, indices: list[int], so_far: list[int]) -> Subroutine[int]:
        """The best of some candidates, by one comparison after another."""
        best = indices[0]
        for other in indices[1:]:
            yield from self.ask([(best, other)], so_far)
            best = best if self.prefers(best, other) else other
        return best


@dataclass(frozen=True, slots=True)
class AllPairs:
    """Compare every pair in both orders, in one round. Gives ``raw`` scores.

    PRP-Allpair of Qin et al. 2023 (arXiv 2306.17563): n (n - 1) comparisons. Where a budget ends
    it, every candidate has met about as many of its neighbours, a pair that was not asked counts
    as a draw, and the result is only an order.

    Args:
        aggregate: ``copeland``: the expected number of wins, from 0 to n - 1. ``bradley-terry``:
            log-strengths, so that P(a is better than b) is a sigmoid of their difference.

    Raises:
        InvalidInputError: No such aggregate.
    """

    aggregate: Literal["copeland", "bradley-terry"] = "copeland"

    def __post_init__(self) -> None:
        if self.aggregate not in ("copeland", "bradley-terry"):
            raise InvalidInputError(
                f"aggregate={self.aggregate!r}: choose 'copeland' or 'bradley-terry'"
            )

    @property
    def asks(self) -> QuestionKind:
        return "compare"

    def flow(self, n: int) -> AlgorithmSteps:
        # neighbours first, then those two apart, ...: cut short, it is fair to all
        pairs = [(i, i + apart) for apart in range(1, n) for i in range(n - apart)]
        questions = tuple(q for a, b in pairs for q in ((a, b), (b, a)))
        replies: list[float | None] = []
        if questions:
            replies = yield Round(questions, list(range(n)), partial=True)
        wins = [[0.5] * n for _ in range(n)]
        for (a, b), forward, backward in zip(pairs, replies[::2], replies[1::2], strict=True):
            if forward is not None and backward is not None:
                wins[a][b] = (forward + (1 - backward)) / 2
                wins[b][a] = 1 - wins[a][b]
        scores = self._scores(wins)
        order = sorted(range(n), key=lambda i: -scores[i])
        return Verdict(order, None if None in replies else [*scores])

    def _scores(self, wins: list[list[float]]) -> list[float]:
        if self.aggregate == "bradley-terry":
            return log_strengths(wins)
        # fsum rounds once, so equal records tie whatever the order of the opponents
        return [fsum(w for j, w in enumerate(row) if j != i) for i, row in enumerate(wins)]


@dataclass(frozen=True, slots=True)
class _TopK:
    k: int = 10

    def __post_init__(self) -> None:
        if self.k < 1:
            raise InvalidInputError(f"k={self.k}: sort at least 1")

    @property
    def asks(self) -> QuestionKind:
        return "compare"


@dataclass(frozen=True, slots=True)
class Heapsort(_TopK):
    """Take the best k off a binary heap of comparisons. Gives an ``order``.

    PRP-Sorting of Qin et al. 2023, "Large Language Models are Effective Text Rankers with
    Pairwise Ranking Prompting" (arXiv 2306.17563): O(n + k log n) pairs, each asked once in each
    order; building the heap is parallel, level by level. A comparer without mistakes gets the
    first k right; those below keep their incoming order.

    Args:
        k: How many to sort, at least 1.

    Raises:
        InvalidInputError: k is less than 1.
    """

    def flow(self, n: int) -> AlgorithmSteps:
        if n < 2:
            return Verdict(list(range(n)))
        return Verdict((yield from top_of_heap(list(range(n)), self.k, 2, PairwiseMemo().ask_best)))


@dataclass(frozen=True, slots=True)
class SlidingPairs(_TopK):
    """Bring the best k to the top by k passes of a bubble sort. Gives an ``order``.

    PRP-Sliding-K of Qin et al. 2023 (arXiv 2306.17563): at most k (n - 1) pairs of neighbours,
    each asked once in each order. A pass starts as soon as the one before it is two positions
    ahead, which changes no outcome and takes n + 2k rounds instead of k n. A comparer without
    mistakes gets the first k right; the others keep their incoming order unless a comparison
    contradicts it.

    Args:
        k: The number of passes, at least 1.

    Raises:
        InvalidInputError: k is less than 1.
    """

    def flow(self, n: int) -> AlgorithmSteps:
        order, memo = list(range(n)), PairwiseMemo()
        passes = min(self.k, n - 1)
        for step in range(n - 1 + 2 * (passes - 1)):
            # pass j is at position n - 1 - (step - 2j), and ends with position j settled
            uppers = [n - 2 - step + 2 * j for j in range(passes)]
            uppers = [i for j, i in enumerate(uppers) if j <= i <= n - 2]
            pairs = [(order[i], order[i + 1]) for i in uppers]
            yield from memo.ask(pairs, order.copy())
            for i, (upper, lower) in zip(uppers, pairs, strict=True):
                if memo.prefers(lower, upper):
                    order[i], order[i + 1] = lower, upper
        return Verdict(order)
