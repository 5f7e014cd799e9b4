"""Top-down partitioning: a pivot from the first window sorts the rest into above and below."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from secondpass.core.errors import InvalidInputError
from secondpass.judge.algorithms.protocol import (
    AlgorithmSteps,
    QuestionIndices,
    QuestionKind,
    Round,
    Verdict,
    interleave,
)
from secondpass.judge.algorithms.rank_aggregation import borda


@dataclass(frozen=True, slots=True)
class TopDown:
    """Order the first window, then compare all others with its pivot, concurrently.

    Parry, MacAvaney and Ganguly 2024, "Top-Down Partitioning for Efficient List-Wise Ranking"
    (arXiv 2405.14589). Texts above the pivot go into a last window, filled up with the best of
    those below. For 100 candidates and windows of 20 that is 7 calls in 3 rounds, where sliding
    takes 9 calls in 9 rounds.

    Where more texts pass than the last window holds, only the best of each group do (the paper's
    budget), if that leaves at least two for each group; else they are partitioned again, in more
    rounds. A judge without mistakes gets the first ``min(pivot, 2)`` right, and with `exact`,
    which always partitions again, the first `pivot`.

    Args:
        window: How many texts a judge sees at once, at least 3.
        pivot: Which text of the ordered first window is the pivot; 1 is its best. A smaller number
            lets fewer texts pass.
        exact: Whether to partition again whenever more texts than a window pass.
        votes: How often the last window is ordered, concurrently: as it is, reversed, and in
            rotations of the two; Borda's points join the orders. More calls, no more rounds, and
            less of the judge's noise and position bias, where they matter most.

    Raises:
        InvalidInputError: Window and pivot do not fit together, or there are no votes.
    """

    window: int = 20
    pivot: int = 10
    exact: bool = False
    votes: int = 1

    def __post_init__(self) -> None:
        if self.window < 3 or not 1 <= self.pivot < self.window:
            raise InvalidInputError(
                f"window={self.window}, pivot={self.pivot}: a window holds at least 3 texts, and "
                "the pivot is one of them but not the last"
            )
        if self.votes < 1:
            raise InvalidInputError(f"votes={self.votes}: the last window is ordered at least once")

    @property
    def asks(self) -> QuestionKind:
        return "order"

    def flow(self, n: int) -> AlgorithmSteps:
        above, below = list(range(n)), list[int]()
        while len(above) > self.window:
            (first,) = yield Round((tuple(above[: self.window]),), above + below)
            rest = above[self.window :]
            best, pivot, worse = first[: self.pivot - 1], first[self.pivot - 1], first[self.pivot :]
            so_far = [*first, *rest, *below]
            ordered = yield Round(self._groups(rest, pivot), so_far)
            cuts = [group.index(pivot) for group in ordered]
            passed = interleave([group[:i] for group, i in zip(ordered, cuts, strict=True)])
            failed = interleave([group[i + 1 :] for group, i in zip(ordered, cuts, strict=True)])
            below = [pivot, *worse, *failed, *below]
            if not passed and self.exact:  # the first window held the best, and in order
                return Verdict([*best, *below])
            above = [*best, *passed]
            if not self.exact and 2 * len(ordered) <= self.window - len(best):
                below = [*above[self.window :], *below]
                above = above[: self.window]
        everything = above + below
        last = everything[: self.window]
        if len(last) > 1:
            ordered = yield Round(self._ballots(last), everything)
            joined = borda([[last.index(i) for i in order] for order in ordered])
            last = [last[i] for i in joined]
        return Verdict([*last, *everything[self.window :]])

    def _ballots(self, last: list[int]) -> tuple[QuestionIndices, ...]:
        lists = (last if vote % 2 == 0 else last[::-1] for vote in range(self.votes))
        shifts = (vote // 2 * len(last) // ceil(self.votes / 2) for vote in range(self.votes))
        return tuple((*t[s:], *t[:s]) for t, s in zip(lists, shifts, strict=True))

    def _groups(self, rest: list[int], pivot: int) -> tuple[QuestionIndices, ...]:
        number = ceil(len(rest) / (self.window - 1))
        groups = (rest[i::number] for i in range(number))  # of one size, each with good and bad
        # in the middle, where position bias neither helps nor hurts it
        return tuple((*g[: len(g) // 2], pivot, *g[len(g) // 2 :]) for g in groups)
