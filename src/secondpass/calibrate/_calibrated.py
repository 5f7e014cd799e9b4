"""From labelled queries to a pipeline that gives probabilities."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Literal

from secondpass.calibrate.calibration_data import fitted, observe
from secondpass.calibrate.methods.platt import Platt
from secondpass.calibrate.model_selection import choose_method
from secondpass.calibrate.stages import Calibrate, CalibrateOrder, Calibrator
from secondpass.core.call_hints import hint_keywords
from secondpass.core.errors import CalibrationError, InvalidInputError
from secondpass.core.judged import JudgedQuery, judged_list, normalise_query
from secondpass.core.stage import Pipeline, Stage

_log = logging.getLogger("secondpass")


@hint_keywords()
def calibrated(
    stage: Stage, judged: Iterable[JudgedQuery], method: type[Calibrator] | Literal["auto"] = Platt
) -> Pipeline:
    """The same pipeline with a calibrator behind it, fitted on judged queries.

    A few dozen queries are enough for Platt. A calibrator that the pipeline already ends with is
    replaced, and the `secondpass` logger says so. A stage that gives only an order is calibrated
    by rank (`ByRank`), with the probabilities of an earlier stage of the pipeline as the second
    feature if there are any.

    Args:
        stage: Gives raw scores or an order.
        judged: Labelled queries, run through `stage` here. Keep others to judge the result.
        method: For raw scores: Platt, Temperature, Beta, Isotonic, or your own `Calibrator`;
            ``"auto"`` takes the simplest of the four that cross-validates about as well as the
            best (see `choose_method`), and says why in ``pipeline[-1].choice``.

    Raises:
        CalibrationError: No judged query or only one, one class only, scores ranked against the
            labels, or too few queries to choose a method by cross-validation.
        NotCalibratedError: The stage gives probabilities, or a different scale for each query.
        MissingExtraError: scikit-learn is not installed.
    """
    if isinstance(method, str) and method != "auto":
        raise InvalidInputError(f'method={method!r}: give a calibrator such as Platt, or "auto"')
    known = judged_list(judged)
    observed = observe(stage, known)
    if len({normalise_query(one.ranking.query) for one in known}) == 1:
        raise CalibrationError(
            "the query is the sample, so a calibrator needs two different queries, better some "
            f"dozens, and here is one, {known[0].ranking.query!r}; label more"
        )
    if observed.stage is not stage and isinstance(stage, Pipeline):
        _log_replaced(stage[-1], len(known))
    if method != "auto":
        return Pipeline(observed.stage, fitted(observed, method))
    if observed.scale == "order":
        return Pipeline(observed.stage, fitted(observed, None))
    chosen, choice = choose_method(observed)
    return Pipeline(observed.stage, fitted(observed, chosen, choice))


def _log_replaced(old: Stage, queries: int) -> None:
    fitted_on = old.queries if isinstance(old, Calibrate | CalibrateOrder) else ()
    before = f"{len(fitted_on)} queries" if fitted_on else "other data"
    _log.warning(
        "this pipeline was calibrated already: its %s, fitted on %s, is replaced by one fitted on "
        "these %d queries; adapted(pipeline, rankings) keeps it and corrects for another share of "
        "relevant candidates",
        old.name, before, queries,
    )  # fmt: skip
