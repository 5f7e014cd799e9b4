"""Pairwise: which of two texts answers the query better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from secondpass.core.errors import InvalidInputError, ScoreError
from secondpass.core.formulas import sigmoid
from secondpass.judge.algorithms.pairwise import AllPairs
from secondpass.judge.algorithms.protocol import Algorithm
from secondpass.judge.budget import Budget
from secondpass.judge.protocols import AsyncComparer, JudgeCaller, SyncCaller, async_caller
from secondpass.judge.runner import JudgeStage
from secondpass.stages.score import Pair, Scorer, score_pairs


@runtime_checkable
class Comparer(Protocol):
    """What the author of a pairwise model writes.

    `compare` returns, for each (first, second) pair of texts, P(first is better) in [0, 1]. It is
    called once for all comparisons of a round, so that a model can batch them. A model that is
    called over the network implements `AsyncComparer`.
    """

    name: str

    def compare(self, query: str, pairs: Sequence[Pair]) -> Sequence[float]: ...


class ScorerComparer:
    """A `Comparer` made of a scorer: P is the sigmoid of the difference of two scores.

    It lets pairwise algorithms run on any pointwise model, which is how to test them.

    Raises:
        InvalidInputError: `scorer` has no score method.
    """

    def __init__(self, scorer: Scorer) -> None:
        if not isinstance(scorer, Scorer):
            raise InvalidInputError(f"{scorer!r} is not a scorer: it needs a name and score(pairs)")
        self.scorer = scorer
        self.name = f"{scorer.name} compared"

    def compare(self, query: str, pairs: Sequence[Pair]) -> list[float]:
        """P(first is better) of each pair; each text is scored once."""
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        scores, _ = score_pairs(self.scorer, [(query, text) for text in texts])
        score = dict(zip(texts, scores, strict=True))
        return [sigmoid(score[first] - score[second]) for first, second in pairs]


DEFAULT = AllPairs()


class Compare(JudgeStage):
    """Order candidates by comparing pairs. Gives ``raw`` scores with `AllPairs`, else an ``order``.

    Args:
        comparer: Says which of two texts is better; an `AsyncComparer` or a `Comparer`.
        algorithm: Which texts to compare: `AllPairs`, `Heapsort`, `SlidingPairs`, or your own. All
            ask in both orders, so a comparer's bias to the first text cancels out.
        budget: What judging one ranking may take; when it ends, the best order so far is the
            result.
        concurrency: Number of calls that may be in flight, over all rankings of a run. A `Comparer`
            without async methods gets one batch at a time, in a worker thread.

    Raises:
        InvalidInputError: `comparer` has no compare method, or the algorithm does not fit.
        ScoreError: (when run) an answer outside [0, 1], NaN, or the wrong number of answers.
    """

    def __init__(
        self,
        comparer: AsyncComparer | Comparer,
        algorithm: Algorithm = DEFAULT,
        *,
        budget: Budget | None = None,
        concurrency: int = 8,
    ) -> None:
        if not isinstance(comparer, AsyncComparer | Comparer):
            raise InvalidInputError(
                f"{comparer!r} is not a comparer: it needs a name and "
                "compare(query, pairs) -> floats, or its async counterpart acompare"
            )
        if not isinstance(algorithm, Algorithm) or algorithm.asks != "compare":
            raise InvalidInputError(
                f"{algorithm!r} is not an algorithm that compares pairs, such as AllPairs()"
            )
        self.comparer, self.algorithm = comparer, algorithm
        name = comparer.name if algorithm == DEFAULT else f"{comparer.name} {algorithm!r}"
        super().__init__(name, self._make_caller(), budget, concurrency)

    def _make_caller(self) -> JudgeCaller:
        caller = async_caller(self.comparer, "compare")
        return caller or SyncCaller("compare", self._compare, batches=True)

    def _compare(self, query: str, shown: Sequence[Sequence[str]]) -> list[float]:
        comparer = self.comparer
        assert isinstance(comparer, Comparer)
        answers = list(comparer.compare(query, [(first, second) for first, second in shown]))
        if len(answers) != len(shown):
            raise ScoreError(
                f"{comparer.name!r} returned {len(answers)} answers for {len(shown)} pairs"
            )
        return answers
