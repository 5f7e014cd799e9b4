"""Sliding pairs: k passes of a bubble sort from the bottom up, each bringing one to the top."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.core.errors import InvalidInputError
from secondpass.judge.algorithms.pair_memo import PairwiseMemo
from secondpass.judge.algorithms.protocol import AlgorithmSteps, QuestionKind, Verdict


@dataclass(frozen=True, slots=True)
class SlidingPairs:
    """Bring the best k to the top by k passes over neighbours. Gives an ``order``.

    PRP-Sliding-K of Qin et al. 2023 (arXiv 2306.17563): at most k (n - 1) pairs, each asked in
    both orders and once. A pass starts as soon as the one before it is two places ahead, which
    changes no outcome and takes n + 2k rounds in place of k n. A comparer without mistakes gets
    the first k right, and the others keep their incoming order where nothing spoke against it.

    Args:
        k: How many passes, at least 1.

    Raises:
        InvalidInputError: k is less than 1.
    """

    k: int = 10

    def __post_init__(self) -> None:
        if self.k < 1:
            raise InvalidInputError(f"k={self.k}: make at least 1 pass")

    @property
    def asks(self) -> QuestionKind:
        return "compare"

    def flow(self, n: int) -> AlgorithmSteps:
        places, duels = list(range(n)), PairwiseMemo()
        passes = min(self.k, n - 1)
        for step in range(n - 1 + 2 * (passes - 1)):
            # pass j is at place n - 1 - (step - 2j), and ends with place j settled
            uppers = [n - 2 - step + 2 * j for j in range(passes)]
            uppers = [i for j, i in enumerate(uppers) if j <= i <= n - 2]
            pairs = [(places[i], places[i + 1]) for i in uppers]
            yield from duels.ask(pairs, places.copy())
            for i, (upper, lower) in zip(uppers, pairs, strict=True):
                if duels.prefers(lower, upper):
                    places[i], places[i + 1] = lower, upper
        return Verdict(places)
