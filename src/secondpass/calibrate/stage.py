"""Raw scores in, P(relevant) out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, Self

from secondpass.calibrate.by_rank import ByRank
from secondpass.calibrate.fingerprint import fingerprint
from secondpass.calibrate.judged import Judged
from secondpass.calibrate.platt import Platt
from secondpass.errors import CalibrationError, NotCalibratedError
from secondpass.ranking import Ranking, Scale
from secondpass.stage import Pipeline, Stage


class Calibrator(Protocol):
    """A fitted curve from raw scores to probabilities, never falling.

    Fitted by being made, so no unfitted one exists. A frozen dataclass of numbers can be stored
    in a recipe.
    """

    @classmethod
    def fit(cls, scores: Sequence[float], labels: Sequence[bool | int]) -> Self: ...

    def probability(self, score: float) -> float: ...


class _Fitted(Stage):
    """A calibrator that knows the stage on whose results it was fitted, and refuses any other."""

    fitted_on: str
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
        raise NotImplementedError

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
        said = self.probabilities(ranking) if len(ranking) else []
        return ranking.rescored(said, "probability", by=self.name)


class Calibrate(_Fitted):
    """Turn raw scores into probabilities with a fitted calibrator.

    Args:
        calibrator: See `Calibrator`.
        fitted_on: Name of the stage on whose scores it was fitted, model revision included
            (`stage.origin`). The scores of any other are refused, here and in recipes.
        queries: Fingerprints of the queries it was fitted on, which a guarantee refuses.

    Raises:
        NotCalibratedError: (when run) the scores are not raw.
        CalibrationError: Behind another stage than `fitted_on`.
    """

    reads: Scale = "raw"
    remedy = "turns raw scores into probabilities"

    def __init__(self, calibrator: Calibrator, fitted_on: str, queries: Sequence[str] = ()) -> None:
        self.calibrator, self.fitted_on, self.queries = calibrator, fitted_on, tuple(queries)
        self.name = type(calibrator).__name__

    def probabilities(self, ranking: Ranking) -> list[float]:
        """P(relevant) of each candidate, best first."""
        return [self.calibrator.probability(s) for s in ranking.scores]


class CalibrateOrder(_Fitted):
    """Turn an order, such as a judge's, into probabilities with a calibrator fitted by rank.

    The order stays. Thresholds behind it mean what they mean behind any other model.

    Args:
        calibrator: See `ByRank`.
        fitted_on: Name of the stage whose orders it was fitted on; any other is refused.
        queries: Fingerprints of the queries it was fitted on, which a guarantee refuses.

    Raises:
        NotCalibratedError: (when run) the ranking has scores; `Calibrate` is for those.
        CalibrationError: Behind another stage than `fitted_on`, or (when run) without the
            probabilities that it was fitted with.
    """

    reads: Scale = "order"
    remedy = "turns an order into probabilities"

    def __init__(self, calibrator: ByRank, fitted_on: str, queries: Sequence[str] = ()) -> None:
        self.calibrator, self.fitted_on, self.queries = calibrator, fitted_on, tuple(queries)
        self.name = type(calibrator).__name__

    def probabilities(self, ranking: Ranking) -> list[float]:
        """P(relevant) of each candidate, best first, never rising."""
        return self.calibrator.probabilities(ranking)


def calibrated(
    stage: Stage, judged: Iterable[Judged], method: type[Calibrator] = Platt
) -> Pipeline:
    """The same pipeline with a calibrator behind it, fitted on judged queries.

    A few dozen queries are enough for Platt. A calibrator that the pipeline already ends with is
    replaced. A stage that gives only an order is calibrated by rank (`ByRank`), with the
    probabilities of an earlier stage of the pipeline as the second feature if there are any.

    Args:
        stage: Gives raw scores or an order.
        judged: Labelled queries, run through `stage` here. Keep others to judge the result.
        method: For raw scores: Platt, Temperature, Beta, Isotonic, or your own `Calibrator`.

    Raises:
        CalibrationError: No judged query, one class only, or scores ranked against the labels.
        NotCalibratedError: The stage gives probabilities, or a different scale for each query.
    """
    if isinstance(stage, Pipeline) and isinstance(stage.stages[-1], Calibrate | CalibrateOrder):
        stage = stage[:-1]
    known = list(judged)
    if not known:
        raise CalibrationError("no judged queries; a calibrator is fitted on some dozens of them")
    ranked = stage.run([j.ranking for j in known])
    scales = {r.scale for r in ranked if len(r)}
    origin = stage.origin or stage.name
    queries = sorted({fingerprint(j.ranking.query) for j in known})
    if scales == {"order"}:
        relevant = [j.relevant for j in known]
        fitted = ByRank.fit(ranked, relevant, _incoming(stage))
        return Pipeline(stage, CalibrateOrder(fitted, origin, queries))
    if scales - {"raw"}:
        raise NotCalibratedError(
            f"{stage.name!r} gives {' and '.join(sorted(scales))} scores; calibration needs raw "
            "scores or orders, the same for every query"
        )
    scores = [s for r in ranked if len(r) for s in r.scores]
    labels = [c.id in j.relevant for j, r in zip(known, ranked, strict=True) for c in r]
    return Pipeline(stage, Calibrate(method.fit(scores, labels), origin, queries))


def _incoming(stage: Stage) -> str | None:
    """The stage of a pipeline whose probabilities the last one saw, if there is one."""
    stages = stage.stages if isinstance(stage, Pipeline) else (stage,)
    found = [s.name for s in stages if isinstance(s, Calibrate | CalibrateOrder)]
    return found[-1] if found else None
