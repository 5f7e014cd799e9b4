"""Listwise: a judge sees many texts at once and answers with an order, so there are no scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from secondpass.errors import InvalidInputError, OrderError
from secondpass.ranking import Ranking
from secondpass.stage import Stage


@runtime_checkable
class Judge(Protocol):
    """What the author of a listwise or setwise model writes.

    `order` returns the places of `texts`, best first: a permutation of ``range(len(texts))``.
    """

    name: str

    def order(self, query: str, texts: Sequence[str]) -> Sequence[int]: ...


class Order(Stage):
    """Order candidates by a judge, window by window from the bottom up. Gives an ``order``.

    A window of texts is judged, then the next one overlaps it, so that the best travel to the
    top: Sun et al. 2023, "Is ChatGPT Good at Search?" (arXiv 2304.09542). Every candidate is
    seen, whatever their number.

    Args:
        judge: Who orders a window.
        window: How many texts a judge sees at once, at least 2.
        stride: How far the window moves, less than or equal to `window`.

    Raises:
        InvalidInputError: `judge` has no order method, or window and stride do not fit.
        OrderError: (when run) an answer that is not a permutation.
    """

    def __init__(self, judge: Judge, window: int = 20, stride: int = 10) -> None:
        if not isinstance(judge, Judge):
            raise InvalidInputError(
                f"{judge!r} is no judge: it needs a name and order(query, texts) -> a permutation"
            )
        if window < 2 or not 1 <= stride <= window:
            raise InvalidInputError(
                f"window={window}, stride={stride}: a window holds at least 2 texts, "
                "and moves by 1 to its own size"
            )
        self.judge, self.window, self.stride = judge, window, stride
        self.name = judge.name

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        return [self._one(r) for r in rankings]

    def _one(self, ranking: Ranking) -> Ranking:
        places = list(range(len(ranking)))
        end = len(places)
        while end > 1:
            start = max(0, end - self.window)
            seen = places[start:end]
            said = list(self.judge.order(ranking.query, [ranking[i].text for i in seen]))
            if sorted(said) != list(range(len(seen))):
                raise OrderError(
                    f"{self.name!r} answered {said!r}, not a permutation of {len(seen)} texts"
                )
            places[start:end] = [seen[i] for i in said]
            if start == 0:
                break
            end -= self.stride
        return ranking.reordered(places, by=self.name)
