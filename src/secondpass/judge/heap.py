"""The best k of a list by a heap whose nodes have c children; who is best is somebody else's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from secondpass.judge.asking import Asking, side_by_side

Pick = Callable[[list[int], list[int]], Asking[int]]
"""From places, the likely best first, and the best order so far, to the best of them."""


def top_of_heap(
    places: list[int], k: int, children: int, pick: Pick, below: Sequence[int] = ()
) -> Asking[list[int]]:
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
        yield from side_by_side(parts, lambda _: known())
    while heap and len(best) < k:
        best.append(heap[0])
        last_one = heap.pop()
        if heap and len(best) < k:
            heap[0] = last_one
            yield from _sift(heap, 0, children, pick, known)
    return known()[: len(places)]


def _sift(
    heap: list[int], node: int, children: int, pick: Pick, known: Callable[[], list[int]]
) -> Asking[None]:
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
