"""Pairwise: which of two texts answers the query better, asked of all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Protocol, runtime_checkable

from secondpass.errors import InvalidInputError, ScoreError
from secondpass.ranking import Ranking
from secondpass.score import Pair
from secondpass.stage import Stage


@runtime_checkable
class Comparer(Protocol):
    """What the author of a pairwise model writes.

    `compare` returns, for each (first, second) pair of texts, P(first is better) in [0, 1].
    """

    name: str

    def compare(self, query: str, pairs: Sequence[Pair]) -> Sequence[float]: ...


class Compare(Stage):
    """Order candidates by how many others they beat. Gives ``raw`` scores.

    Every pair is asked in both orders, so a comparer's bias to the first place cancels out:
    n (n - 1) comparisons for n candidates. The score is the expected number of wins. This is
    PRP-Allpair of Qin et al. 2023, "Large Language Models are Effective Text Rankers with
    Pairwise Ranking Prompting" (arXiv 2306.17563).

    Raises:
        InvalidInputError: `comparer` has no compare method.
        ScoreError: (when run) an answer outside [0, 1], NaN, or the wrong number of answers.
    """

    def __init__(self, comparer: Comparer) -> None:
        if not isinstance(comparer, Comparer):
            raise InvalidInputError(
                f"{comparer!r} is no comparer: it needs a name and compare(query, pairs) -> floats"
            )
        self.comparer = comparer
        self.name = comparer.name

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        return [self._one(r) for r in rankings]

    def _one(self, ranking: Ranking) -> Ranking:
        duels = list(permutations(range(len(ranking)), 2))
        texts = [(ranking[i].text, ranking[j].text) for i, j in duels]
        said = self.comparer.compare(ranking.query, texts) if texts else []
        if len(said) != len(duels):
            raise ScoreError(f"{self.name!r} returned {len(said)} answers for {len(duels)} pairs")
        wins = [0.0] * len(ranking)
        for (first, second), p in zip(duels, said, strict=True):
            if not 0 <= p <= 1:  # false for NaN too
                raise ScoreError(f"{self.name!r} answered {p}; P(first is better) is in [0, 1]")
            wins[first] += p / 2
            wins[second] += (1 - p) / 2
        return ranking.rescored(wins, "raw", by=self.name)
