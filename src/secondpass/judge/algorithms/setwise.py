"""Setwise algorithms: the judge names the best of a few texts, and a heap makes a top k of that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from secondpass.core.errors import InvalidInputError
from secondpass.judge.algorithms.protocol import (
    AlgorithmSteps,
    QuestionKind,
    Round,
    Subroutine,
    Verdict,
    run_in_lockstep,
)

AskBest = Callable[[list[int], list[int]], Subroutine[int]]
"""From indices, the likely best first, and the best order so far, to the best of them."""


def top_of_heap(
    indices: list[int], k: int, children: int, ask_best: AskBest, below: Sequence[int] = ()
) -> Subroutine[list[int]]:
    """Top-k selection with a heap whose nodes have `children` children.

    Nodes of one level do not depend on each other, so while the heap is built they are asked
    concurrently; taking the best off is one question after another.

    Args:
        indices: What to select from, at least one.
        ask_best: The comparison.
        below: Candidates that are not sorted here; they end the best order so far.

    Returns:
        All `indices`, the best k first and in order, the others behind as they came.
    """
    heap, best = list(indices), list[int]()

    def so_far() -> list[int]:
        return [*best, *(i for i in indices if i not in best), *below]

    levels: list[list[int]] = [[0]]
    while levels[-1][-1] * children + 1 < len(heap):
        first = levels[-1][0] * children + 1
        last = levels[-1][-1] * children + children
        levels.append(list(range(first, last + 1)))
    for level in reversed(levels):
        parts = [
            _sift_down(heap, node, children, ask_best, so_far) for node in level if node < len(heap)
        ]
        yield from run_in_lockstep(parts, lambda _: so_far())
    while heap and len(best) < k:
        best.append(heap[0])
        last_leaf = heap.pop()
        if heap and len(best) < k:
            heap[0] = last_leaf
            yield from _sift_down(heap, 0, children, ask_best, so_far)
    return so_far()[: len(indices)]


def _sift_down(
    heap: list[int], node: int, children: int, ask_best: AskBest, so_far: Callable[[], list[int]]
) -> Subroutine[None]:
    while (first := node * children + 1) < len(heap):
        family = [node, *range(first, min(first + children, len(heap)))]
        # In the incoming order, and not parent first: a judge that prefers the first position then
        # leans towards the retriever's order, which is the better one to fall back on.
        shown = sorted(heap[i] for i in family)
        best = yield from ask_best(shown, so_far())
        winner = next(i for i in family if heap[i] == best)
        if winner == node:
            return
        heap[node], heap[winner] = heap[winner], heap[node]
        node = winner


@dataclass(frozen=True, slots=True)
class _Setwise:
    children: int = 9
    k: int = 10

    def __post_init__(self) -> None:
        if self.children < 2 or self.k < 1:
            raise InvalidInputError(
                f"children={self.children}, k={self.k}: a judge sees at least 2 children, and "
                "sorts at least 1"
            )

    @property
    def asks(self) -> QuestionKind:
        return "best"


@dataclass(frozen=True, slots=True)
class SetwiseHeapsort(_Setwise):
    """Take the best k off a heap whose nodes are judged together with all their children.

    Zhuang et al. 2024, "A Setwise Approach for Effective and Highly Efficient Zero-shot Ranking
    with Large Language Models" (arXiv 2310.09497). About n / children + k log(n) / log(children)
    questions; building the heap is parallel, level by level. A judge without mistakes gets the
    first k right; those below keep their incoming order.

    Args:
        children: The number of children of a node, at least 2; a judge sees one more text.
        k: How many to sort, at least 1.

    Raises:
        InvalidInputError: One of them is too small.
    """

    def flow(self, n: int) -> AlgorithmSteps:
        if n < 2:
            return Verdict(list(range(n)))
        return Verdict((yield from top_of_heap(list(range(n)), self.k, self.children, ask_best)))


@dataclass(frozen=True, slots=True)
class SetwiseInsertion(_Setwise):
    """Sort the first k, then let the others, a few at a time, challenge the last of them.

    Podolak et al. 2025, "Beyond Reproducibility: Advancing Zero-shot LLM Reranking Efficiency
    with Setwise Insertion" (arXiv 2504.10509): the incoming order is a prior. Where none of
    `children` challengers beats the k-th, one question settles all of them, so a good first stage
    makes it cheap. A winner is inserted by binary search. A judge without mistakes gets the first
    k right; those below keep their incoming order, except the ones that were driven out.

    Args:
        children: How many texts challenge at once, at least 2; a judge sees one more.
        k: How many to sort, at least 1.

    Raises:
        InvalidInputError: One of them is too small.
    """

    def flow(self, n: int) -> AlgorithmSteps:
        if n < 2:
            return Verdict(list(range(n)))
        head, rest = list(range(min(n, self.k))), list(range(self.k, n))
        if len(head) > 1:
            head = yield from top_of_heap(head, len(head), self.children, ask_best, rest)
        lost: list[int] = []  # driven out of the head, the best of them first
        beaten: list[int] = []
        while rest:
            challengers, rest = rest[: self.children], rest[self.children :]
            while challengers:
                below = [*lost, *beaten, *challengers, *rest]
                # the k-th first: a judge that cannot decide leaves things as they are
                best = yield from ask_best([head[-1], *challengers], head + below)
                if best == head[-1]:
                    break
                challengers.remove(best)
                lost.insert(0, head.pop())
                others = [*lost, *beaten, *challengers, *rest]
                head = yield from _insert(head, best, others)
            beaten += challengers
        return Verdict([*head, *lost, *beaten])


def ask_best(indices: list[int], so_far: list[int]) -> Subroutine[int]:
    """One question: which of these is best?"""
    (best,) = yield Round((tuple(indices),), so_far)
    return int(best)


def _insert(head: list[int], new: int, below: list[int]) -> Subroutine[list[int]]:
    low, high = 0, len(head)
    while low < high:
        middle = (low + high) // 2
        so_far = [*head[:high], new, *head[high:], *below]
        best = yield from ask_best([head[middle], new], so_far)
        low, high = (low, middle) if best == new else (middle + 1, high)
    return [*head[:low], new, *head[low:]]
