"""All pairs: everyone against everyone, the best order that comparisons can give."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum
from typing import Literal

from secondpass.core.errors import InvalidInputError
from secondpass.judge.algorithms.protocol import AlgorithmSteps, QuestionKind, Round, Verdict


@dataclass(frozen=True, slots=True)
class AllPairs:
    """Compare every pair in both orders, in one round. Gives ``raw`` scores.

    PRP-Allpair of Qin et al. 2023 (arXiv 2306.17563): n (n - 1) comparisons. Where a budget ends
    it, every candidate has met about as many of its neighbours, a pair that was not asked counts
    as a draw, and what comes out is only an order.

    Args:
        aggregate: ``copeland``: the expected number of wins, from 0 to n - 1. ``bradley-terry``:
            log-strengths, so that P(a is better than b) is a sigmoid of their difference.

    Raises:
        InvalidInputError: No such aggregate.
    """

    aggregate: Literal["copeland", "bradley-terry"] = "copeland"

    def __post_init__(self) -> None:
        if self.aggregate not in ("copeland", "bradley-terry"):
            raise InvalidInputError(
                f"aggregate={self.aggregate!r}: choose 'copeland' or 'bradley-terry'"
            )

    @property
    def asks(self) -> QuestionKind:
        return "compare"

    def flow(self, n: int) -> AlgorithmSteps:
        # neighbours first, then those two apart, ...: cut short, it is fair to all
        pairs = [(i, i + apart) for apart in range(1, n) for i in range(n - apart)]
        questions = tuple(q for a, b in pairs for q in ((a, b), (b, a)))
        replies: list[float | None] = []
        if questions:
            replies = yield Round(questions, list(range(n)), partial=True)
        wins = [[0.5] * n for _ in range(n)]
        for (a, b), there, back in zip(pairs, replies[::2], replies[1::2], strict=True):
            if there is not None and back is not None:
                wins[a][b] = (there + (1 - back)) / 2
                wins[b][a] = 1 - wins[a][b]
        scores = self._scores(wins)
        order = sorted(range(n), key=lambda i: -scores[i])
        return Verdict(order, None if None in replies else [*scores])

    def _scores(self, wins: list[list[float]]) -> list[float]:
        if self.aggregate == "bradley-terry":
            from secondpass.judge.algorithms.bradley_terry import log_strengths

            return log_strengths(wins)
        # fsum rounds once, so equal records tie whatever the order of the opponents
        return [fsum(w for j, w in enumerate(row) if j != i) for i, row in enumerate(wins)]
