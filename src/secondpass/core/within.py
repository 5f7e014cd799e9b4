"""A stage around another one, and the one that gives it a deadline."""

from __future__ import annotations

from collections.abc import Sequence

from secondpass.core.deadline import checked_seconds, ends_within
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Composite, Stage, StageSteps


class Wrapper:
    """What a stage around another one has besides: the other one's scores leave as they are.

    Attributes:
        stage: The other one.
    """

    stage: Stage

    @property
    def origin(self) -> str | None:
        return self.stage.origin

    def check_origin(self, origin: str) -> None:
        self.stage.check_origin(origin)


class Within(Wrapper, Composite):
    """A stage with a deadline: when it ends, the best ranking so far comes back.

    The whole call has this time, whatever it is made of, and an earlier deadline around it stays.
    Local models stop between batches, and requests that are under way are cancelled. What was
    scored in time stands above what was not, which keeps its order; then the scale is ``order``,
    `Ranking.status` is "partial", and an event of the kind ``deadline`` says how many are scored.

    Args:
        stage: What to run.
        seconds: From the call on.

    Raises:
        InvalidInputError: `seconds` is not positive and finite.
    """

    def __init__(self, stage: Stage, seconds: float) -> None:
        self.stage, self.seconds = stage, checked_seconds(seconds, "seconds")
        self.name = f"{stage.name} within {self.seconds:g} s"

    def flow(self, rankings: Sequence[Ranking]) -> StageSteps:
        with ends_within(self.seconds):
            (results,) = yield [(self.stage, rankings)]
        return results
