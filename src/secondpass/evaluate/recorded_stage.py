"""A stage's recorded results, given again without running it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from secondpass.calibrate.stages import CalibrationStage
from secondpass.core.candidate import Scale
from secondpass.core.errors import InvalidInputError
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Pipeline, Stage
from secondpass.evaluate._evaluate import Evaluation


class RecordedStage(Stage):
    """Gives for each ranking what was recorded for it, known by its query and candidates' ids.

    Args:
        name: Of the stage that made the results.
        inputs: The rankings that it was run on.
        outputs: What it made of each.
        origin: Name of the stage whose scores these are, mostly `name`; see `Stage.origin`.

    Raises:
        InvalidInputError: (when run) nothing was recorded for a ranking.
    """

    def __init__(
        self,
        name: str,
        inputs: Sequence[Ranking],
        outputs: Sequence[Ranking],
        *,
        origin: str | None,
    ) -> None:
        self.name, self._origin = name, origin
        self._outputs = {_key(i): o for i, o in zip(inputs, outputs, strict=True)}

    @classmethod
    def of(cls, stage: Stage, rankings: Sequence[Ranking]) -> RecordedStage:
        """Run a stage now and record what it makes of these rankings."""
        return cls(stage.name, rankings, stage.run(rankings), origin=stage.origin)

    @property
    def origin(self) -> str | None:
        return self._origin

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        outputs = []
        for ranking in rankings:
            output = self._outputs.get(_key(ranking))
            if output is None:
                raise InvalidInputError(
                    f"nothing of {self.name!r} was recorded for the query {ranking.query!r} with "
                    f"these {len(ranking)} candidates"
                )
            outputs.append(output)
        return outputs


def without_last_cuts(stage: Stage) -> Stage:
    """A pipeline without the stages at its end that only cut, such as `Threshold` and `Top`."""
    while isinstance(stage, Pipeline) and len(stage) > 1 and stage[-1].origin is None:
        stage = stage[:-1]
    return stage


def record_evaluation(evaluation: Evaluation, stage: Stage | None) -> Stage:
    """A stage that gives what `stage` gave before its last cuts, with its calibrator if it has one.

    Nothing is run again unless there are cuts at the end: what they dropped is needed here.

    Args:
        evaluation: Of `stage`.
        stage: What was run; None if that is not known.
    """
    inputs = evaluation.collection.rankings
    if stage is None:
        return RecordedStage(evaluation.name, inputs, evaluation.rankings, origin=evaluation.name)
    whole = without_last_cuts(stage)
    outputs = evaluation.rankings if whole is stage else tuple(whole.run(inputs))
    last = whole[-1] if isinstance(whole, Pipeline) else None
    if not isinstance(whole, Pipeline) or not isinstance(last, CalibrationStage):
        return RecordedStage(whole.name, inputs, outputs, origin=whole.origin)
    scoring = whole[:-1]
    uncalibrated = [_uncalibrated(r, last.reads) for r in outputs]
    return RecordedStage(scoring.name, inputs, uncalibrated, origin=scoring.origin) >> last


def _uncalibrated(ranking: Ranking, scale: Scale) -> Ranking:
    """What a calibrator was given: the trail keeps it, and no calibrator changes an order."""
    return replace(
        ranking,
        candidates=tuple(
            replace(c, score=c.trail[-2].score if scale == "raw" else None, trail=c.trail[:-1])
            for c in ranking
        ),
        scale=scale,
    )


def _key(ranking: Ranking) -> tuple[str, tuple[str, ...]]:
    return ranking.query, tuple(ranking.ids)
