"""Pointwise, over the network: each text is rated by itself, many at a time."""

from __future__ import annotations

from secondpass.core.errors import InvalidInputError
from secondpass.judge.algorithms.protocol import Pointwise
from secondpass.judge.budget import Budget
from secondpass.judge.protocols import AsyncScorer, async_caller
from secondpass.judge.runner import JudgeStage


class Rate(JudgeStage):
    """Order candidates by what a judge says of each. Gives ``raw`` scores.

    Where a budget ends it, those not rated stand below the others in their incoming order, and the
    result is only an order. For a local model, use `Score`.

    Args:
        rater: Who rates a text.
        budget: What judging one ranking may take.
        concurrency: How many calls may be in flight, over all rankings of a run.

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
                f"{rater!r} is no rater: it needs a name and async arate(query, text) -> Answer"
            )
        self.rater, self.algorithm = rater, Pointwise()
        super().__init__(rater.name, caller, budget, concurrency)
