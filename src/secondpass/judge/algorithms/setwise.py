"""Setwise sorting: the judge names the best of a few texts, and that sorts the top of the list."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.core.errors import InvalidInputError
from secondpass.judge.algorithms.heapsort import top_of_heap
from secondpass.judge.algorithms.protocol import (
    AlgorithmSteps,
    QuestionKind,
    Round,
    Subroutine,
    Verdict,
)


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
        children: How many children a node has; a judge sees one text more. At least 2.
        k: How many to sort, at least 1.

    Raises:
        InvalidInputError: One of them is too small.
    """

    def flow(self, n: int) -> AlgorithmSteps:
        if n < 2:
            return Verdict(list(range(n)))
        return Verdict((yield from top_of_heap(list(range(n)), self.k, self.children, pick)))


@dataclass(frozen=True, slots=True)
class SetwiseInsertion(_Setwise):
    """Sort the first k, then let the rest, few at a time, challenge the last of them.

    Podolak et al. 2025, "Beyond Reproducibility: Advancing Zero-shot LLM Reranking Efficiency
    with Setwise Insertion" (arXiv 2504.10509): the incoming order is a prior. Where none of
    `children` challengers beats the k-th, one question settles all of them, so a good first stage
    makes it cheap. A winner finds its place by binary search. A judge without mistakes gets the
    first k right; those below keep their incoming order, but for the ones that were driven out.

    Args:
        children: How many texts challenge at once; a judge sees one more. At least 2.
        k: How many to sort, at least 1.

    Raises:
        InvalidInputError: One of them is too small.
    """

    def flow(self, n: int) -> AlgorithmSteps:
        if n < 2:
            return Verdict(list(range(n)))
        head, rest = list(range(min(n, self.k))), list(range(self.k, n))
        if len(head) > 1:
            head = yield from top_of_heap(head, len(head), self.children, pick, rest)
        lost: list[int] = []  # driven out of the head, the best of them first
        beaten: list[int] = []
        while rest:
            challengers, rest = rest[: self.children], rest[self.children :]
            while challengers:
                below = [*lost, *beaten, *challengers, *rest]
                # the k-th first: a judge that cannot decide leaves things as they are
                best = yield from pick([head[-1], *challengers], head + below)
                if best == head[-1]:
                    break
                challengers.remove(best)
                lost.insert(0, head.pop())
                others = [*lost, *beaten, *challengers, *rest]
                head = yield from _inserted(head, best, others)
            beaten += challengers
        return Verdict([*head, *lost, *beaten])


def pick(places: list[int], so_far: list[int]) -> Subroutine[int]:
    """One question: which of these is best?"""
    (best,) = yield Round((tuple(places),), so_far)
    return int(best)


def _inserted(head: list[int], new: int, below: list[int]) -> Subroutine[list[int]]:
    low, high = 0, len(head)
    while low < high:
        middle = (low + high) // 2
        so_far = [*head[:high], new, *head[high:], *below]
        best = yield from pick([head[middle], new], so_far)
        low, high = (low, middle) if best == new else (middle + 1, high)
    return [*head[:low], new, *head[low:]]
