"""The best k of a list by a heap whose nodes have c children; who is best is somebody else's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from secondpass.core.errors import InvalidInputError
from secondpass.judge.algorithms.pair_memo import PairwiseMemo
from secondpass.judge.algorithms.protocol import (
    AlgorithmSteps,
    QuestionKind,
    Subroutine,
    Verdict,
    run_in_lockstep,
)

Pick = Callable[[list[int], list[int]], Subroutine[int]]
"""From places, the likely best first, and the best order so far, to the best of them."""


def top_of_heap(
    places: list[int], k: int, children: int, pick: Pick, below: Sequence[int] = ()
) -> Subroutine[list[int]]:
    """All `places`, the best k first and in order, the others behind as they came.

    `below` are places that are not sorted here, for what is known so far.

    Nodes of one level do not depend on each other, so while the heap is built they are asked side
    by side; taking the best off is one question after another.
    """
    heap, best = list(places), list[int]()

    def known() -> list[int]:
        return [*best, *(p for p in places if p not in best), *below]

    levels: list[list[int]] = [[0]]
    while levels[-1][-1] * children + 1 < len(heap):
        first = levels[-1][0] * children + 1
        last = levels[-1][-1] * children + children
        levels.append(list(range(first, last + 1)))
    for level in reversed(levels):
        parts = [_sift(heap, node, children, pick, known) for node in level if node < len(heap)]
        yield from run_in_lockstep(parts, lambda _: known())
    while heap and len(best) < k:
        best.append(heap[0])
        last_one = heap.pop()
        if heap and len(best) < k:
            heap[0] = last_one
            yield from _sift(heap, 0, children, pick, known)
    return known()[: len(places)]


def _sift(
    heap: list[int], node: int, children: int, pick: Pick, known: Callable[[], list[int]]
) -> Subroutine[None]:
    while (first := node * children + 1) < len(heap):
        family = [node, *range(first, min(first + children, len(heap)))]
        # In the incoming order, and not parent first: a judge that likes the first place then
        # leans towards the retriever's opinion, which is the better one to fall back on.
        shown = sorted(heap[i] for i in family)
        best = yield from pick(shown, known())
        winner = next(i for i in family if heap[i] == best)
        if winner == node:
            return
        heap[node], heap[winner] = heap[winner], heap[node]
        node = winner


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
    def asks(self) -> QuestionKind:
        return "compare"

    def flow(self, n: int) -> AlgorithmSteps:
        if n < 2:
            return Verdict(list(range(n)))
        return Verdict((yield from top_of_heap(list(range(n)), self.k, 2, PairwiseMemo().pick)))
