"""From labelled queries to a pipeline that gives probabilities."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from secondpass.calibrate.calibration_data import (
    CalibrationData,
    Method,
    fit_calibrator,
    observe,
    pooled,
)
from secondpass.calibrate.cross_validation import MethodChoice, choose_method
from secondpass.calibrate.methods.by_rank import ByRank
from secondpass.calibrate.methods.in_list import InList
from secondpass.calibrate.methods.platt import Platt
from secondpass.calibrate.stages import CalibrationStage, Calibrator
from secondpass.core.call_hints import hint_keywords
from secondpass.core.errors import CalibrationError, InvalidInputError
from secondpass.core.judged import Fitted, JudgedQuery, judged_list, normalise_query
from secondpass.core.printing import short_repr
from secondpass.core.stage import Pipeline, Stage

_log = logging.getLogger("secondpass")


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationEvidence:
    """What a calibrator was fitted on. `calibration_report` says what its probabilities are worth.

    Attributes:
        calibrator: The fitted curve, with its numbers.
        queries: Number of labelled queries.
        answerable: Number of them that have a relevant candidate.
        pairs: Number of their candidates.
        base_rate: Share of relevant pairs.
        choice: Why this method; None where it was not chosen with ``method="auto"``.
    """

    calibrator: Calibrator | ByRank | InList
    queries: int
    answerable: int
    pairs: int
    base_rate: float
    choice: MethodChoice | None

    def __str__(self) -> str:
        return (
            f"{type(self.calibrator).__name__} fitted on {self.queries} queries "
            f"({self.answerable} with a relevant candidate), {self.pairs} pairs, base rate "
            f"{self.base_rate:.4f}" + (f"\n{self.choice}" if self.choice else "")
        )


@hint_keywords()
def calibrated(
    stage: Stage, judged: Iterable[JudgedQuery], method: Method | Literal["auto"] = Platt
) -> Fitted[CalibrationEvidence]:
    """The same pipeline with a calibrator behind it, fitted on judged queries.

        fit = calibrated(load("builtin:raw"), judged)
        probable = fit.pipeline(ranking)
        print(fit.evidence)

    A few dozen queries are enough for Platt. A calibrator that the pipeline already ends with is
    replaced, and the `secondpass` logger says so. A stage that gives only an order is calibrated
    by rank (`ByRank`), with the probabilities of an earlier stage of the pipeline as the second
    feature if there are any.

    Args:
        stage: Gives raw scores or an order.
        judged: Labelled queries, run through `stage` here. Keep others to judge the result.
        method: For raw scores: Platt, Temperature, Beta, Isotonic, your own `Calibrator`, or
            `InList`, whose probabilities depend on the whole list (some hundreds of queries);
            ``"auto"`` takes the simplest of the four that cross-validates about as well as the
            best (see `MethodChoice`), and says why in ``evidence.choice``.

    Raises:
        CalibrationError: No judged query or only one, one class only, scores ranked against the
            labels, or too few queries to choose a method by cross-validation.
        NotCalibratedError: The stage gives probabilities, or a different scale for each query.
        MissingExtraError: scikit-learn is not installed.
    """
    if isinstance(method, str) and method != "auto":
        raise InvalidInputError(f'method={method!r}: give a calibrator such as Platt, or "auto"')
    queries = judged_list(judged)
    observed = observe(stage, queries)
    if len({normalise_query(one.ranking.query) for one in queries}) == 1:
        raise CalibrationError(
            "the query is the sample, so a calibrator needs two different queries, better some "
            f"dozens, and here is one, {queries[0].ranking.query!r}; label more"
        )
    if observed.stage is not stage:
        _log_replaced(stage.parts[-1], len(queries))
    choice = None
    if method == "auto" and observed.scale == "raw":
        method, choice = choose_method(observed)
    calibrate = fit_calibrator(observed, None if method == "auto" else method, choice)
    return Fitted(
        pipeline=Pipeline(observed.stage, calibrate),
        evidence=_evidence(observed, calibrate, choice),
    )


def _evidence(
    observed: CalibrationData, calibrate: CalibrationStage, choice: MethodChoice | None
) -> CalibrationEvidence:
    return CalibrationEvidence(
        calibrator=calibrate.calibrator,
        queries=len(observed.rankings),
        answerable=sum(map(any, observed.labels)),
        pairs=len(pooled(observed.labels)),
        base_rate=observed.base_rate,
        choice=choice,
    )


def _log_replaced(old: Stage, queries: int) -> None:
    fitted_on = old.queries if isinstance(old, CalibrationStage) else ()
    before = f"{len(fitted_on)} queries" if fitted_on else "other data"
    _log.warning(
        "this pipeline was calibrated already: its %s, fitted on %s, is replaced by one fitted on "
        "these %d queries",
        old.name, before, queries,
    )  # fmt: skip
