"""Comparisons in both orders, remembered, so a liking for the first place cancels out."""

from __future__ import annotations

from collections.abc import Iterable

from secondpass.judge.algorithms.protocol import Round, Subroutine

Duel = tuple[int, int]


class PairwiseMemo:
    """What one flow knows about pairs. No pair is asked twice."""

    def __init__(self) -> None:
        self._known: dict[Duel, float] = {}

    def ask(self, pairs: Iterable[Duel], so_far: list[int]) -> Subroutine[None]:
        """Ask those pairs that are not known yet, each in both orders, in one round."""
        new = [(a, b) for a, b in pairs if (a, b) not in self._known]
        if not new:
            return
        replies = yield Round(tuple(q for a, b in new for q in ((a, b), (b, a))), so_far)
        for (a, b), there, back in zip(new, replies[::2], replies[1::2], strict=True):
            p = (there + (1 - back)) / 2
            self._known[a, b], self._known[b, a] = p, 1 - p

    def prefers(self, a: int, b: int) -> bool:
        """Whether a is better than b; on a draw, the one that came in first."""
        p = self._known[a, b]
        return p > 0.5 or (p == 0.5 and a < b)

    def pick(self, places: list[int], so_far: list[int]) -> Subroutine[int]:
        """The best of some places, found by duels one after another."""
        best = places[0]
        for other in places[1:]:
            yield from self.ask([(best, other)], so_far)
            best = best if self.prefers(best, other) else other
        return best
