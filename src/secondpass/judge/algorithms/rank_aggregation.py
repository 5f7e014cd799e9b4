"""One order from several: Borda's points, or Kemeny's fewest disagreements."""

from __future__ import annotations

from collections.abc import Sequence

EXACT = 9
"""Up to so many places Kemeny's order is found exactly, over 2^n sets; above, by local search."""


def borda(orders: Sequence[Sequence[int]]) -> list[int]:
    """Places by the sum of their ranks; ties by place.

    Args:
        orders: At least one, each a permutation of the same places 0..n-1, best first.
    """
    points = [0] * len(orders[0])
    for order in orders:
        for rank, place in enumerate(order):
            points[place] += rank
    return sorted(range(len(points)), key=lambda place: (points[place], place))


def kemeny(orders: Sequence[Sequence[int]]) -> list[int]:
    """The order with the fewest pairwise disagreements with `orders` (Kemeny 1959).

    Exact for n <= 9. Above, the order of `borda`, improved by moving single places to where they
    disagree least until none moves: no worse than Borda's, deterministic, maybe not the optimum.

    Args:
        orders: At least one, each a permutation of the same places 0..n-1, best first.
    """
    against = _against(orders)
    start = borda(orders)
    return _exact(against, start) if len(start) <= EXACT else _local(against, start)


def disagreements(order: Sequence[int], orders: Sequence[Sequence[int]]) -> int:
    """In how many pairs, summed over `orders`, another order says the opposite."""
    against = _against(orders)
    return sum(against[a][b] for i, a in enumerate(order) for b in order[i + 1 :])


def _against(orders: Sequence[Sequence[int]]) -> list[list[int]]:
    """against[a][b]: how many orders have b before a, which is what a before b costs."""
    n = len(orders[0])
    against = [[0] * n for _ in range(n)]
    for order in orders:
        for i, first in enumerate(order):
            for then in order[i + 1 :]:
                against[then][first] += 1
    return against


def _exact(against: list[list[int]], ties: list[int]) -> list[int]:
    """Held and Karp's dynamic programme: the best order of each set, by who comes last in it."""
    best: dict[int, tuple[int, list[int]]] = {0: (0, [])}
    for members in range(1, 1 << len(ties)):
        found: tuple[int, list[int]] | None = None
        for last in reversed(ties):  # of equally good ones, the one that Borda puts last
            if members >> last & 1:
                cost, order = best[members ^ (1 << last)]
                cost += sum(against[p][last] for p in order)
                if found is None or cost < found[0]:
                    found = (cost, [*order, last])
        assert found is not None
        best[members] = found
    return best[(1 << len(ties)) - 1][1]


def _local(against: list[list[int]], order: list[int]) -> list[int]:
    order = list(order)
    moved = True
    while moved:
        moved = False
        for place in list(order):
            i = order.index(place)
            others = order[:i] + order[i + 1 :]
            cost, best, at = 0, 0, 0  # relative to the first position
            costs = [0]
            for j, other in enumerate(others):
                cost += against[other][place] - against[place][other]
                costs.append(cost)
                if cost < best:
                    best, at = cost, j + 1
            if best < costs[i]:
                order = [*others[:at], place, *others[at:]]
                moved = True
    return order
