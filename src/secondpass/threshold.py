"""Keep what is relevant enough; keep nothing when nothing is."""

from __future__ import annotations

import math
from typing import Literal, SupportsFloat

from secondpass.cut import Cut
from secondpass.errors import InvalidInputError, NoScoresError, NotCalibratedError
from secondpass.ranking import Ranking


class Threshold(Cut):
    """Keep candidates that score at least so much. Scores pass through; none may be left.

    An empty result is an answer: nothing here is relevant. An event says how many were dropped.

    Args:
        at_least: The least P(relevant) to keep, in [0, 1].
        scale: ``"raw"`` cuts raw scores, whose meaning is the model's own.

    Raises:
        InvalidInputError: `at_least` is no number, or no probability where it must be one.
        NotCalibratedError: (when run) raw scores where probabilities are needed.
        NoScoresError: (when run) the ranking is only an order.
    """

    def __init__(
        self, at_least: float, scale: Literal["probability", "raw"] = "probability"
    ) -> None:
        if scale not in ("probability", "raw"):
            raise InvalidInputError(f'scale={scale!r}: a threshold is on "probability" or "raw"')
        number = isinstance(at_least, SupportsFloat) and math.isfinite(at_least)
        if not number or (scale == "probability" and not 0 <= at_least <= 1):
            raise InvalidInputError(
                f"at_least={at_least!r} is not a probability in [0, 1]; "
                'raw scores are cut with Threshold(x, scale="raw")'
            )
        self.at_least, self.scale = float(at_least), scale
        self.name = f"{'p' if scale == 'probability' else 'raw'}>={at_least:g}"

    def cut(self, ranking: Ranking) -> Ranking:
        if not len(ranking):
            return ranking
        if ranking.scale == "order":
            raise NoScoresError(
                f"{self.name!r} needs scores, and this ranking is only an order; put the "
                "threshold before the stage that reorders without scores, or calibrate that stage"
            )
        if ranking.scale != self.scale:
            raise NotCalibratedError(
                f"{self.name!r} needs {self.scale} scores, and these are {ranking.scale}; "
                + (
                    "put calibrated(stage, judged) before it, or cut raw scores with "
                    'Threshold(x, scale="raw")'
                    if self.scale == "probability"
                    else "use Threshold(p) with a probability"
                )
            )
        kept = ranking.head(sum(s >= self.at_least for s in ranking.scores))
        gone = len(ranking) - len(kept)
        if not gone:
            return ranking
        best = ranking.scores[len(kept)]
        return kept.told(
            self.name,
            "dropped",
            f"{gone} of {len(ranking)} dropped; the best of them had {best:.3g}",
        )
