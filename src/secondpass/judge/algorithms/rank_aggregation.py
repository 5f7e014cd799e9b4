"""One result from several: Borda and Kemeny join orders, Bradley-Terry joins comparisons."""

from __future__ import annotations

from collections.abc import Sequence

EXACT = 9
"""Up to this many items, Kemeny's order is exact (over 2^n sets); above, by local search."""

PRIOR = 0.01
"""Precision of the normal prior on strengths: keeps them finite where one item always wins."""


def borda(orders: Sequence[Sequence[int]]) -> list[int]:
    """Items by the sum of their ranks; ties by number.

    Args:
        orders: At least one, each a permutation of the same items 0..n-1, best first.
    """
    points = [0] * len(orders[0])
    for order in orders:
        for rank, item in enumerate(order):
            points[item] += rank
    return sorted(range(len(points)), key=lambda item: (points[item], item))


def kemeny(orders: Sequence[Sequence[int]]) -> list[int]:
    """The order with the fewest pairwise disagreements with `orders` (Kemeny 1959).

    Exact for n <= 9. Above, the order of `borda`, improved by moving single items to where they
    disagree least until none moves: no worse than Borda's, deterministic, maybe not the optimum.

    Args:
        orders: At least one, each a permutation of the same items 0..n-1, best first.
    """
    against = _disagreements(orders)
    start = borda(orders)
    return _exact(against, start) if len(start) <= EXACT else _local(against, start)


def _disagreements(orders: Sequence[Sequence[int]]) -> list[list[int]]:
    """against[a][b]: how many orders have b before a, which is the cost of a before b."""
    n = len(orders[0])
    against = [[0] * n for _ in range(n)]
    for order in orders:
        for i, upper in enumerate(order):
            for lower in order[i + 1 :]:
                against[lower][upper] += 1
    return against


def _exact(against: list[list[int]], ties: list[int]) -> list[int]:
    """Held and Karp's dynamic programme: the best order of each set, by the item that is last."""
    best: dict[int, tuple[int, list[int]]] = {0: (0, [])}
    for members in range(1, 1 << len(ties)):
        candidates = []
        for last in reversed(ties):  # of equally good ones, the one that Borda puts last
            if members >> last & 1:
                cost, order = best[members ^ (1 << last)]
                cost += sum(against[item][last] for item in order)
                candidates.append((cost, [*order, last]))
        best[members] = min(candidates, key=lambda candidate: candidate[0])
    return best[(1 << len(ties)) - 1][1]


def _local(against: list[list[int]], order: list[int]) -> list[int]:
    order = list(order)
    moved = True
    while moved:
        moved = False
        for item in list(order):
            index = order.index(item)
            others = order[:index] + order[index + 1 :]
            cost, lowest, target = 0, 0, 0  # relative to the first position
            costs = [0]
            for i, other in enumerate(others):
                cost += against[other][item] - against[item][other]
                costs.append(cost)
                if cost < lowest:
                    lowest, target = cost, i + 1
            if lowest < costs[index]:
                order = [*others[:target], item, *others[target:]]
                moved = True
    return order


def log_strengths(wins: Sequence[Sequence[float]], prior: float = PRIOR) -> list[float]:
    """Log-strengths t with P(i beats j) = sigmoid(t[i] - t[j]); their mean is 0.

    Bradley and Terry 1952, "Rank Analysis of Incomplete Block Designs". The penalised likelihood
    is strictly concave; Newton's method with halved steps finds its only maximum.

    Args:
        wins: [n, n], wins[i][j] is how often i beats j, as a share of one comparison; the diagonal
            is not read.
        prior: Precision of the normal prior, above 0.

    Returns:
        n floats, rounded so that equal records tie.
    """
    import numpy as np  # only here: other algorithms work without it

    w = np.array(wins, dtype=np.float64).reshape(len(wins), len(wins))
    np.fill_diagonal(w, 0.0)
    met = w + w.T
    t = np.zeros(len(w))

    def loss(t: np.ndarray) -> float:
        return float(np.sum(w * np.logaddexp(0.0, t[None, :] - t[:, None])) + prior * t @ t / 2)

    for _ in range(100):
        p = 1 / (1 + np.exp(t[None, :] - t[:, None]))  # p[i, j] = P(i beats j)
        gradient = np.sum(w - met * p, axis=1) - prior * t
        if not len(t) or np.max(np.abs(gradient)) < 1e-10:
            break
        curvature = met * p * (1 - p)
        hessian = np.diag(curvature.sum(axis=1) + prior) - curvature
        step = np.linalg.solve(hessian, gradient)
        current, size = loss(t), 1.0
        while size > 1e-6 and loss(t + size * step) > current:
            size /= 2
        t = t + size * step
    return [float(round(x, 9)) + 0.0 for x in t]  # + 0.0: no negative zero
