"""Listwise and setwise: a judge sees several texts at once and orders them, or names the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from secondpass.core.errors import InvalidInputError
from secondpass.judge.algorithms.protocol import Algorithm
from secondpass.judge.algorithms.sliding_window import SlidingWindow
from secondpass.judge.budget import Budget
from secondpass.judge.protocols import (
    AsyncJudge,
    AsyncPicker,
    JudgeCaller,
    SyncCaller,
    async_caller,
)
from secondpass.judge.runner import JudgeStage


@runtime_checkable
class Judge(Protocol):
    """What the author of a listwise or setwise model writes.

    `order` returns the places of `texts`, best first: a permutation of ``range(len(texts))``.
    A model that is asked over the network implements `AsyncJudge`.
    """

    name: str

    def order(self, query: str, texts: Sequence[str]) -> Sequence[int]: ...


DEFAULT = SlidingWindow()


class Order(JudgeStage):
    """Order candidates by what a judge says of some of them at a time. Gives an ``order``.

    Args:
        judge: Who orders a few texts (`AsyncJudge`, `Judge`) or names the best of them
            (`AsyncPicker`, for setwise algorithms only).
        algorithm: Which texts to show together: `SlidingWindow`, `TopDown`, `Tournament`,
            `SetwiseHeapsort`, `SetwiseInsertion`, `SelfConsistent` of one of them, or your own.
        budget: What judging one ranking may take; the best order so far stands where it ends.
        concurrency: How many calls may be in flight, over all rankings of a run. A `Judge` without
            async methods is asked one call at a time, in a worker thread.

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
                f"{judge!r} is no judge: it needs a name and order(query, texts) -> a permutation, "
                "or aorder or abest, its async likes"
            )
        if not isinstance(algorithm, Algorithm) or algorithm.asks not in ("order", "best"):
            raise InvalidInputError(
                f"{algorithm!r} is no algorithm that orders texts, such as SlidingWindow(20, 10)"
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
        return SyncCaller("order", self._ordered, batches=False)

    def _ordered(self, query: str, shown: Sequence[Sequence[str]]) -> list[Sequence[int]]:
        assert isinstance(self.judge, Judge)
        return [self.judge.order(query, texts) for texts in shown]
