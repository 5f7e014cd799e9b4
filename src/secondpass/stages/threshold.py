"""Keep what is relevant enough, candidate by candidate (`Threshold`) or all or none (`Abstain`)."""

from __future__ import annotations

import logging
import math
from typing import Literal, SupportsFloat

from secondpass.core.call_hints import hint_keywords
from secondpass.core.errors import InvalidInputError, NoScoresError, NotCalibratedError
from secondpass.core.ranking import Ranking
from secondpass.stages.cut import Cut, whole_number

_log = logging.getLogger("secondpass")
_logged: set[str] = set()
"""Names of the thresholds whose empty answer was logged: a line per query would be noise."""


class Threshold(Cut):
    """Keep the candidates that score at least `at_least`; none may be left. Scores pass through.

    An empty result is an answer: nothing here is relevant. An event says how many were dropped,
    and the first time that a threshold leaves nothing, the `secondpass` logger warns, since a
    generator that gets no text answers nothing. Where it must get some, use `keep_at_least`.

    Args:
        at_least: The least P(relevant) to keep, in [0, 1].
        scale: ``"raw"`` cuts raw scores, whose meaning is the model's own.
        keep_at_least: This number of the best stay whatever their score. An event of the kind
            ``kept-below-threshold`` says how many stayed that the threshold would have dropped,
            and their scores.

    Raises:
        InvalidInputError: `at_least` is not a number, or not a probability where it must be one;
            `keep_at_least` is negative, a bool, or not a whole number.
        NotCalibratedError: (when run) raw scores where probabilities are needed.
        NoScoresError: (when run) the ranking is only an order.
    """

    @hint_keywords()
    def __init__(
        self,
        at_least: float,
        scale: Literal["probability", "raw"] = "probability",
        *,
        keep_at_least: int = 0,
    ) -> None:
        if scale not in ("probability", "raw"):
            raise InvalidInputError(f'scale={scale!r}: a threshold is on "probability" or "raw"')
        number = isinstance(at_least, SupportsFloat) and math.isfinite(at_least)
        if not number or (scale == "probability" and not 0 <= at_least <= 1):
            raise InvalidInputError(
                f"the threshold {at_least!r} is not a probability in [0, 1]; "
                'raw scores are cut with Threshold(x, scale="raw")'
            )
        self.at_least, self.scale = float(at_least), scale
        self.keep_at_least = whole_number(keep_at_least, "keep_at_least")
        self.name = f"{'p' if scale == 'probability' else 'raw'}>={at_least:g}"
        if self.keep_at_least:
            self.name += f" (keep at least {self.keep_at_least})"

    def cut(self, ranking: Ranking) -> Ranking:
        if not len(ranking):
            return ranking
        self._check_scale(ranking)
        scores = ranking.scores
        enough = sum(s >= self.at_least for s in scores)
        kept = ranking.head(max(enough, self.keep_at_least))
        if len(kept) > enough:
            kept = kept.with_event(
                self.name, "kept-below-threshold", self._kept_below(scores[enough : len(kept)])
            )
        dropped = len(ranking) - len(kept)
        if not dropped:
            return kept
        if not len(kept):
            self._log_empty(ranking)
        best = scores[len(kept)]
        return kept.with_event(
            self.name,
            "dropped",
            f"{dropped} of {len(ranking)} dropped; the best of them had {best:.3g}",
        )

    def _check_scale(self, ranking: Ranking) -> None:
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

    def _kept_below(self, scores: list[float]) -> str:
        listed = ", ".join(f"{s:.3g}" for s in scores[:5]) + ", ..." * (len(scores) > 5)
        what = "probability" if self.scale == "probability" else "score"
        return (
            f"{len(scores)} kept below the threshold {self.at_least:g}, of {what} {listed}, "
            f"since keep_at_least={self.keep_at_least}"
        )

    def _log_empty(self, ranking: Ranking) -> None:
        if self.name in _logged:
            return
        _logged.add(self.name)
        what = "P(relevant)" if self.scale == "probability" else "score"
        _log.warning(
            "the threshold %g left none of %d candidates: the best has %s %.3g. If that is not "
            "what you want, lower the threshold, choose it on labelled queries with "
            "choose_threshold, or set keep_at_least=. Logged once for this threshold; the events "
            "of each ranking say it every time",
            self.at_least, len(ranking), what, ranking.scores[0],
        )  # fmt: skip


class Abstain(Cut):
    """Keep all candidates if the best of them is relevant enough, and none if it is not.

    Where `Threshold` judges each candidate, this judges the list: one good candidate keeps its
    weaker neighbours. ``calibrated(stage, judged).pipeline >> Abstain(0.5) >> Threshold(0.1)``
    answers only where something is likely to answer, and then keeps what may support it. Scores
    pass through; an event says that it abstained.

    Args:
        at_least: The least P(relevant) of the best candidate, in [0, 1].

    Raises:
        InvalidInputError: `at_least` is not a probability.
        NotCalibratedError: (when run) raw scores; they mean nothing across queries.
        NoScoresError: (when run) the ranking is only an order.
    """

    @hint_keywords()
    def __init__(self, at_least: float) -> None:
        is_number = isinstance(at_least, int | float) and not isinstance(at_least, bool)
        if not is_number or not math.isfinite(at_least) or not 0 <= at_least <= 1:
            raise InvalidInputError(f"at_least={at_least!r} is not a probability in [0, 1]")
        self.at_least = float(at_least)
        self.name = f"Abstain({at_least:g})"

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
        if best >= self.at_least:
            return ranking
        return ranking.head(0).with_event(
            self.name, "abstained", f"the best of {len(ranking)} has only {best:.3g}"
        )
