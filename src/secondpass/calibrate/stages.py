"""Raw scores in, P(relevant) out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from secondpass.calibrate.methods.by_rank import ByRank
from secondpass.calibrate.methods.in_list import InList
from secondpass.core.candidate import Scale
from secondpass.core.errors import CalibrationError, NotCalibratedError
from secondpass.core.event import Note
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage

if TYPE_CHECKING:
    from secondpass.calibrate.cross_validation import MethodChoice


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

    calibrator: Calibrator | ByRank | InList
    fitted_on: str
    queries: tuple[str, ...]
    base_rate: float | None
    reads: Scale
    remedy: str

    def check_origin(self, origin: str) -> None:
        if origin != self.fitted_on:
            raise CalibrationError(
                f"this {self.name} was fitted on {self.fitted_on!r} and would be applied to "
                f"{origin!r}, where its probabilities would be wrong; fit it again with "
                "calibrated(stage, judged)"
            )

    def probabilities(self, ranking: Ranking) -> list[float]:
        """P(relevant) of each candidate, best first."""
        raise NotImplementedError

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        return [self._calibrate(r) for r in rankings]

    def _calibrate(self, ranking: Ranking) -> Ranking:
        if len(ranking) and ranking.scale != self.reads:
            raise NotCalibratedError(
                f"{self.name} {self.remedy}, and this ranking is {ranking.scale!r}; put it right "
                "behind the stage it was fitted on"
            )
        for c in ranking:
            if c.trail:  # scores that come from outside are the caller's word
                self.check_origin(c.trail[-1].stage)
        probabilities = self.probabilities(ranking) if len(ranking) else []
        return self.with_events(ranking).rescored(
            probabilities, "probability", by=self.name, notes=self.notes(ranking)
        )

    def notes(self, ranking: Ranking) -> list[Note] | None:
        """What the trail says of each candidate besides its probability."""
        return None

    def with_events(self, ranking: Ranking) -> Ranking:
        """The ranking before it is calibrated, with an event if its probabilities need one."""
        return ranking


class Calibrate(CalibrationStage):
    """Turn raw scores into probabilities with a fitted calibrator.

    Args:
        calibrator: See `Calibrator`.
        fitted_on: Name of the stage on whose scores it was fitted, model revision included
            (`stage.origin`). The scores of any other are refused, here and in recipes.
        queries: Fingerprints of the queries it was fitted on, which a guarantee refuses.
        base_rate: Share of relevant pairs in the data that it was fitted on, if known.
        choice: Why this method; see `calibrated(stage, judged, method="auto")`.

    Raises:
        NotCalibratedError: (when run) the scores are not raw.
        CalibrationError: Behind another stage than `fitted_on`.
    """

    reads: Scale = "raw"
    remedy = "turns raw scores into probabilities"
    pointwise = True

    def __init__(
        self,
        calibrator: Calibrator,
        fitted_on: str,
        queries: Sequence[str] = (),
        *,
        base_rate: float | None = None,
        choice: MethodChoice | None = None,
    ) -> None:
        self.calibrator: Calibrator = calibrator
        self.fitted_on, self.queries = fitted_on, tuple(queries)
        self.base_rate, self.choice = base_rate, choice
        self.name = type(calibrator).__name__

    def probabilities(self, ranking: Ranking) -> list[float]:
        """P(relevant) of each candidate, best first."""
        return [self.calibrator.probability(s) for s in ranking.scores]


class CalibrateInList(CalibrationStage):
    """Turn raw scores into probabilities that depend on the list that a score stands in.

    The order stays. The same text has another probability in another list, so give it the whole
    list that the retriever brought, and cut behind it. The note of each candidate says how many
    there were (`list_size`), and a list unlike any in fitting has an event ``unlike-fitted``. It is
    pointwise only where its calibrator looks at nothing but score and query.

    Args:
        calibrator: See `InList`.
        fitted_on: Name of the stage on whose scores it was fitted; any other is refused.
        queries: Fingerprints of the queries it was fitted on, which a guarantee refuses.
        base_rate: Share of relevant pairs in the data that it was fitted on, if known.

    Raises:
        NotCalibratedError: (when run) the scores are not raw.
        CalibrationError: Behind another stage than `fitted_on`.
    """

    reads: Scale = "raw"
    remedy = "turns raw scores into probabilities"

    def __init__(
        self,
        calibrator: InList,
        fitted_on: str,
        queries: Sequence[str] = (),
        *,
        base_rate: float | None = None,
    ) -> None:
        self.calibrator: InList = calibrator
        self.fitted_on, self.queries = fitted_on, tuple(queries)
        self.base_rate = base_rate
        self.name = "ScoreAndQuery" if calibrator.pointwise else type(calibrator).__name__

    def probabilities(self, ranking: Ranking) -> list[float]:
        """P(relevant) of each candidate, best first, never rising."""
        return self.calibrator.probabilities(ranking)

    def notes(self, ranking: Ranking) -> list[Note] | None:
        return None if self.pointwise else [Note(list_size=len(ranking)) for _ in ranking]

    @property
    def pointwise(self) -> bool:
        return self.calibrator.pointwise

    def with_events(self, ranking: Ranking) -> Ranking:
        outside = self.calibrator.outside(ranking)
        if not outside:
            return ranking
        return ranking.with_event(
            self.name,
            "unlike-fitted",
            f"no list that it was fitted on is like this one in {', '.join(outside)}; the "
            "probabilities are those of the nearest",
        )


class CalibrateOrder(CalibrationStage):
    """Turn an order, such as a judge's, into probabilities with a calibrator fitted by rank.

    The order stays. Thresholds behind it mean what they mean behind any other model.

    Args:
        calibrator: See `ByRank`.
        fitted_on: Name of the stage whose orders it was fitted on; any other is refused.
        queries: Fingerprints of the queries it was fitted on, which a guarantee refuses.
        base_rate: Share of relevant pairs in the data that it was fitted on, if known.

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
    ) -> None:
        self.calibrator: ByRank = calibrator
        self.fitted_on, self.queries = fitted_on, tuple(queries)
        self.base_rate = base_rate
        self.name = type(calibrator).__name__

    def probabilities(self, ranking: Ranking) -> list[float]:
        """P(relevant) of each candidate, best first, never rising."""
        return self.calibrator.probabilities(ranking)
