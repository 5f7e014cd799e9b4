"""Say that nothing is relevant enough, rather than hand over the best of a bad lot."""

from __future__ import annotations

import math

from secondpass.core.errors import InvalidInputError, NoScoresError, NotCalibratedError
from secondpass.core.ranking import Ranking
from secondpass.stages.cut import Cut


class Abstain(Cut):
    """All candidates if the best of them is relevant enough, none if it is not.

    Where `Threshold` judges each candidate, this judges the list: one good candidate keeps its
    weaker neighbours. ``calibrated >> Abstain(0.5) >> Threshold(0.1)`` answers only where
    something is likely to answer, and then keeps what may support it. Scores pass through; an
    event says that it abstained.

    Args:
        below: The least P(relevant) of the best candidate, in [0, 1].

    Raises:
        InvalidInputError: `below` is no probability.
        NotCalibratedError: (when run) raw scores; they mean nothing across queries.
        NoScoresError: (when run) the ranking is only an order.
    """

    def __init__(self, below: float) -> None:
        number = isinstance(below, int | float) and not isinstance(below, bool)
        if not number or not math.isfinite(below) or not 0 <= below <= 1:
            raise InvalidInputError(f"below={below!r} is not a probability in [0, 1]")
        self.below = float(below)
        self.name = f"Abstain({below:g})"

    def cut(self, ranking: Ranking) -> Ranking:
        if not len(ranking):
            return ranking
        if ranking.scale == "order":
            raise NoScoresError(
                f"{self.name!r} needs probabilities, and this ranking is only an order; calibrate "
                "the stage that gives it: calibrated(stage, judged)"
            )
        if ranking.scale != "probability":
            raise NotCalibratedError(
                f"{self.name!r} needs probabilities, and these scores are {ranking.scale}; put "
                "calibrated(stage, judged) before it"
            )
        best = ranking.scores[0]
        if best >= self.below:
            return ranking
        return ranking.head(0).with_event(
            self.name, "abstained", f"the best of {len(ranking)} has only {best:.3g}"
        )
