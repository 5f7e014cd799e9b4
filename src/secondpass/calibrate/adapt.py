"""A calibrated pipeline made fit for a collection with another base rate, without labels."""

from __future__ import annotations

from collections.abc import Iterable

from secondpass.calibrate.prior_shift import PriorShift
from secondpass.calibrate.stages import Calibrate, CalibrateOrder
from secondpass.core.errors import CalibrationError, InvalidInputError
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Pipeline, Stage

FEWEST = 20
"""Rankings; the base rate of fewer is mostly chance."""


def adapted(
    pipeline: Stage, rankings: Iterable[Ranking], base_rate: float | None = None
) -> Pipeline:
    """The same pipeline, its probabilities corrected for the base rate of unlabelled rankings.

        there = adapted(pipeline, rankings_of_the_new_collection)
        print(there[-1].shift)      # base rate 0.083 -> 0.21 (...): odds times 2.94

    The last calibrator of the pipeline is replaced by one that knows the new base rate; stages
    behind it stay, thresholds too. What was fitted on the old probabilities refuses the new ones.
    See `PriorShift.estimate` for the method, and for what it takes for granted.

    Args:
        pipeline: Calibrated; a correction that it already has is replaced.
        rankings: A sample of those it will see, unlabelled, before the pipeline; 20 or more.
        base_rate: Share of relevant pairs in the data that the calibrator was fitted on, if the
            calibrator does not know it.

    Raises:
        CalibrationError: No calibrator in the pipeline, one whose base rate is unknown, too few
            rankings, or an estimate that runs to 0 or 1.
    """
    stages = tuple(pipeline) if isinstance(pipeline, Pipeline) else (pipeline,)
    places = [i for i, s in enumerate(stages) if isinstance(s, Calibrate | CalibrateOrder)]
    if not places:
        raise CalibrationError(
            f"{pipeline.name!r} has no calibrator, so there are no probabilities to correct; "
            "calibrated(stage, judged) puts one behind it"
        )
    place = places[-1]
    calibrate = stages[place]
    assert isinstance(calibrate, Calibrate | CalibrateOrder)
    known = calibrate.base_rate if base_rate is None else base_rate
    if known is None:
        raise CalibrationError(
            f"this {calibrate.name} does not say at which base rate it was fitted; pass "
            "base_rate=, the share of relevant pairs in its data, or fit it again with "
            "calibrated(stage, judged)"
        )
    given = list(rankings)
    odd = next((r for r in given if not isinstance(r, Ranking)), None)
    if odd is not None:
        raise InvalidInputError(
            f"adapted takes rankings without labels, and {type(odd).__name__} is none; of labelled "
            "queries give [j.ranking for j in judged]"
        )
    before = Pipeline(*stages[:place], calibrate.shifted(None))
    said = [r.scores for r in before.run(given) if len(r)]
    if len(said) < FEWEST:
        raise CalibrationError(
            f"{len(said)} rankings with candidates are too few to estimate a base rate from; "
            f"give {FEWEST} or more, labels are not needed"
        )
    shift = PriorShift.estimate(said, known)
    return Pipeline(*stages[:place], calibrate.shifted(shift), *stages[place + 1 :])
