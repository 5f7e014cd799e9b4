"""Which candidates a later, dearer stage gets to see."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import replace
from typing import SupportsIndex

from secondpass.core.call_hints import hint_keywords
from secondpass.core.candidate import Mark
from secondpass.core.errors import InvalidInputError
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Composite, Stage, StageSteps


class Cut(Stage):
    """A stage that only leaves candidates out, judging each ranking by itself; scores pass through.

    Subclasses write `cut`.
    """

    @property
    def origin(self) -> None:
        return None

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        return [self.cut(r) for r in rankings]

    def cut(self, ranking: Ranking) -> Ranking:
        """What is kept of one ranking, in its order."""
        raise NotImplementedError


class Top(Cut):
    """Keep the first k candidates; the rest are gone. Scores pass through.

    Raises:
        InvalidInputError: k is negative, or not a whole number.
    """

    reads_scores = False

    @hint_keywords()
    def __init__(self, k: int) -> None:
        self.k = whole_number(k, "k")
        self.name = f"Top({self.k})"

    def cut(self, ranking: Ranking) -> Ranking:
        return ranking.head(self.k)


class Refine(Composite):
    """Let a stage reorder the first k; the rest keep their order below them. Gives an ``order``.

    Head and tail were scored by different models, so what comes out has no scores; what each
    stage said stands in the trail.

    Raises:
        InvalidInputError: k is negative, or not a whole number.
    """

    def __init__(self, stage: Stage, k: int) -> None:
        self.stage, self.k = stage, whole_number(k, "k")
        self.name = f"Refine({stage.name}, {self.k})"

    def flow(self, rankings: Sequence[Ranking]) -> StageSteps:
        (heads,) = yield [(self.stage, [r.head(self.k) for r in rankings])]
        return [self._joined(h, r) for h, r in zip(heads, rankings, strict=True)]

    def _joined(self, head: Ranking, whole: Ranking) -> Ranking:
        joined = tuple(
            replace(c, score=None, trail=(*c.trail, Mark(self.name, rank, None)))
            for rank, c in enumerate((*head, *whole[self.k :]))
        )
        return replace(head, candidates=joined, scale="order")


def whole_number(value: SupportsIndex, name: str) -> int:
    """How many, from an int or a number of numpy's.

    Args:
        value: What the caller gave.
        name: What the caller calls it, for the message.

    Raises:
        InvalidInputError: Negative, a bool, or not a whole number.
    """
    try:
        count = -1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        count = -1
    if count < 0:
        raise InvalidInputError(f"{name}={value!r}: give a whole number, 0 or more")
    return count
