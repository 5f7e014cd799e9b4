"""Raw scores in, P(relevant) out."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from secondpass.calibrate.methods.by_rank import ByRank
from secondpass.calibrate.prior_shift import PriorShift
from secondpass.core.errors import CalibrationError, NotCalibratedError
from secondpass.core.ranking import Ranking, Scale
from secondpass.core.stage import Stage

if TYPE_CHECKING:
    from secondpass.calibrate.model_selection import MethodChoice


@runtime_checkable
class Calibrator(Protocol):
    """A fitted curve from raw scores to probabilities, never falling.

    Fitted by being made, so no unfitted one exists. A frozen dataclass of numbers can be stored
    in a recipe.
    """

    @classmethod
    def fit(cls, scores: Sequence[float], labels: Sequence[bool | int]) -> Self: ...

    def probability(self, score: float) -> float: ...


class CalibrationStage(Stage):
    """A calibrator that knows the stage on whose results it was fitted, and refuses any other."""

    calibrator: object
    fitted_on: str
    queries: tuple[str, ...]
    base_rate: float | None
    shift: PriorShift | None
    reads: Scale
    remedy: str

    def shifted(self, shift: PriorShift | None) -> Self:
        """The same calibrator for another base rate; None for the one that it was fitted at."""
        made = copy(self)
        made.shift = shift
        made.name = _name(self.calibrator, shift)
        return made

    def check_origin(self, origin: str) -> None:
        if origin != self.fitted_on:
            raise CalibrationError(
                f"this {self.name} was fitted on {self.fitted_on!r} and would be applied to "
                f"{origin!r}, where its probabilities would be wrong; fit it again with "
                "calibrated(stage, judged)"
            )

    def probabilities(self, ranking: Ranking) -> list[float]:
        """As fitted, before any shift."""
        raise NotImplementedError

    def stated(self, ranking: Ranking) -> list[float]:
        """P(relevant) of each candidate, best first, corrected if there is a shift."""
        said = self.probabilities(ranking)
        return said if self.shift is None else [self.shift.correct(p) for p in said]

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        return [self._one(r) for r in rankings]

    def _one(self, ranking: Ranking) -> Ranking:
        if len(ranking) and ranking.scale != self.reads:
            raise NotCalibratedError(
                f"{self.name} {self.remedy}, and this ranking is {ranking.scale!r}; put it right "
                "behind the stage it was fitted on"
            )
        for c in ranking:
            if c.trail:  # scores that come from outside are the caller's word
                self.check_origin(c.trail[-1].stage)
        said = self.stated(ranking) if len(ranking) else []
        return ranking.rescored(said, "probability", by=self.name)


class Calibrate(CalibrationStage):
    """Turn raw scores into probabilities with a fitted calibrator.

    Args:
        calibrator: See `Calibrator`.
        fitted_on: Name of the stage on whose scores it was fitted, model revision included
            (`stage.origin`). The scores of any other are refused, here and in recipes.
        queries: Fingerprints of the queries it was fitted on, which a guarantee refuses.
        base_rate: Share of relevant pairs in the data that it was fitted on, if known.
        shift: What corrects its probabilities for another base rate; see `adapted`.
        choice: Why this method; see `calibrated(stage, judged, method="auto")`.

    Raises:
        NotCalibratedError: (when run) the scores are not raw.
        CalibrationError: Behind another stage than `fitted_on`.
    """

    reads: Scale = "raw"
    remedy = "turns raw scores into probabilities"

    def __init__(
        self,
        calibrator: Calibrator,
        fitted_on: str,
        queries: Sequence[str] = (),
        *,
        base_rate: float | None = None,
        shift: PriorShift | None = None,
        choice: MethodChoice | None = None,
    ) -> None:
        self.calibrator: Calibrator = calibrator
        self.fitted_on, self.queries = fitted_on, tuple(queries)
        self.base_rate, self.shift = base_rate, shift
        self.choice = choice
        self.name = _name(calibrator, shift)

    def probabilities(self, ranking: Ranking) -> list[float]:
        """P(relevant) of each candidate, best first, before any shift."""
        return [self.calibrator.probability(s) for s in ranking.scores]


class CalibrateOrder(CalibrationStage):
    """Turn an order, such as a judge's, into probabilities with a calibrator fitted by rank.

    The order stays. Thresholds behind it mean what they mean behind any other model.

    Args:
        calibrator: See `ByRank`.
        fitted_on: Name of the stage whose orders it was fitted on; any other is refused.
        queries: Fingerprints of the queries it was fitted on, which a guarantee refuses.
        base_rate: Share of relevant pairs in the data that it was fitted on, if known.
        shift: What corrects its probabilities for another base rate; see `adapted`.

    Raises:
        NotCalibratedError: (when run) the ranking has scores; `Calibrate` is for those.
        CalibrationError: Behind another stage than `fitted_on`, or (when run) without the
            probabilities that it was fitted with.
    """

    reads: Scale = "order"
    remedy = "turns an order into probabilities"

    def __init__(
        self,
        calibrator: ByRank,
        fitted_on: str,
        queries: Sequence[str] = (),
        *,
        base_rate: float | None = None,
        shift: PriorShift | None = None,
    ) -> None:
        self.calibrator: ByRank = calibrator
        self.fitted_on, self.queries = fitted_on, tuple(queries)
        self.base_rate, self.shift = base_rate, shift
        self.name = _name(calibrator, shift)

    def probabilities(self, ranking: Ranking) -> list[float]:
        """P(relevant) of each candidate, best first, never rising, before any shift."""
        return self.calibrator.probabilities(ranking)


def _name(calibrator: object, shift: PriorShift | None) -> str:
    kind = type(calibrator).__name__
    return kind if shift is None else f"{kind} at base rate {shift.new_rate:.3g}"
