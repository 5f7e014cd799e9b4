"""Judges as stages: `Order` shows a judge several texts at a time, `Rate` one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from secondpass.core.errors import InvalidInputError
from secondpass.judge.algorithms.protocol import Algorithm, Pointwise
from secondpass.judge.algorithms.sliding_window import SlidingWindow
from secondpass.judge.budget import Budget
from secondpass.judge.protocols import (
    AsyncJudge,
    AsyncPicker,
    AsyncScorer,
    JudgeCaller,
    SyncCaller,
    async_caller,
)
from secondpass.judge.runner import JudgeStage


@runtime_checkable
class Judge(Protocol):
    """What the author of a listwise or setwise model writes.

    `order` returns the indices of `texts`, best first: a permutation of ``range(len(texts))``.
    A model that is called over the network implements `AsyncJudge`.
    """

    name: str

    def order(self, query: str, texts: Sequence[str]) -> Sequence[int]: ...


DEFAULT = SlidingWindow()


class Order(JudgeStage):
    """Order candidates by a judge that sees some of them at a time. Gives an ``order``.

    Args:
        judge: Orders a few texts (`AsyncJudge`, `Judge`) or names the best of them
            (`AsyncPicker`, for setwise algorithms only).
        algorithm: Which texts to show together: `SlidingWindow`, `TopDown`, `Tournament`,
            `SetwiseHeapsort`, `SetwiseInsertion`, `SelfConsistent` of one of them, or your own.
        budget: What judging one ranking may take; when it ends, the best order so far is the
            result.
        concurrency: Number of calls that may be in flight, over all rankings of a run. A `Judge`
            without async methods is called once at a time, in a worker thread.

    Raises:
        InvalidInputError: No judge, or none for this algorithm; no algorithm for judges.
        OrderError: (when run) an answer that is not a permutation.
    """

    def __init__(
        self,
        judge: AsyncJudge | AsyncPicker | Judge,
        algorithm: Algorithm = DEFAULT,
        *,
        budget: Budget | None = None,
        concurrency: int = 8,
    ) -> None:
        if not isinstance(judge, AsyncJudge | AsyncPicker | Judge):
            raise InvalidInputError(
                f"{judge!r} is not a judge: it needs a name and order(query, texts) -> a "
                "permutation, or one of the async methods aorder and abest"
            )
        if not isinstance(algorithm, Algorithm) or algorithm.asks not in ("order", "best"):
            raise InvalidInputError(
                f"{algorithm!r} is not an algorithm that orders texts, such as "
                "SlidingWindow(20, 10)"
            )
        self.judge, self.algorithm = judge, algorithm
        name = judge.name if algorithm == DEFAULT else f"{judge.name} {algorithm!r}"
        super().__init__(name, self._make_caller(), budget, concurrency)

    def _make_caller(self) -> JudgeCaller:
        caller = async_caller(self.judge, self.algorithm.asks)
        if caller is not None:
            return caller
        if not isinstance(self.judge, Judge):
            raise InvalidInputError(
                f"{self.judge!r} names the best of some texts and does not order them; use it with "
                "SetwiseHeapsort or SetwiseInsertion"
            )
        return SyncCaller("order", self._order, batches=False)

    def _order(self, query: str, shown: Sequence[Sequence[str]]) -> list[Sequence[int]]:
        assert isinstance(self.judge, Judge)
        return [self.judge.order(query, texts) for texts in shown]


class Rate(JudgeStage):
    """Order candidates by a judge's rating of each. Gives ``raw`` scores.

    Pointwise, over the network: each text is rated by itself, many at a time. When a budget ends
    it, those not rated go below the others in their incoming order, and the result is only an
    order. For a local model, use `Score`.

    Args:
        rater: Rates a text.
        budget: What judging one ranking may take.
        concurrency: Number of calls that may be in flight, over all rankings of a run.

    Raises:
        InvalidInputError: `rater` has no arate method.
        ScoreError: (when run) NaN, or an infinity.
    """

    def __init__(
        self, rater: AsyncScorer, *, budget: Budget | None = None, concurrency: int = 8
    ) -> None:
        caller = async_caller(rater, "rate")
        if caller is None:
            raise InvalidInputError(
                f"{rater!r} is not a rater: it needs a name and async arate(query, text) -> Answer"
            )
        self.rater, self.algorithm = rater, Pointwise()
        super().__init__(rater.name, caller, budget, concurrency)
