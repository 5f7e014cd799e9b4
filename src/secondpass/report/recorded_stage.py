"""A model's results once more without running it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from secondpass.calibrate import CalibrationStage
from secondpass.core.ranking import Ranking, Scale
from secondpass.core.stage import Pipeline, Stage
from secondpass.evaluate import Evaluation


class RecordedStage(Stage):
    """What a stage already made of known rankings.

    Args:
        name: The stage's.
        origin: The stage's.
        given: What it was run on.
        made: What it made of each.
    """

    def __init__(
        self, name: str, origin: str | None, given: Sequence[Ranking], made: Sequence[Ranking]
    ) -> None:
        self.name, self._origin = name, origin
        self._made = {_key(g): m for g, m in zip(given, made, strict=True)}

    @property
    def origin(self) -> str | None:
        return self._origin

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        return [self._made[_key(r)] for r in rankings]


def uncut(stage: Stage) -> Stage:
    """A pipeline without the stages at its end that only cut, such as `Threshold` and `Top`."""
    kept = stage
    while isinstance(kept, Pipeline) and len(kept) > 1 and kept[-1].origin is None:
        kept = kept[:-1]
    return kept


def replayed(evaluation: Evaluation, stage: Stage | None) -> Stage:
    """A stage that gives what `stage` gave before its last cuts, with its calibrator if it has one.

    Nothing is run again, unless there are cuts at the end: what they dropped is needed here.

    Args:
        evaluation: Of `stage`.
        stage: What was run; None if that is not known.
    """
    given = evaluation.collection.rankings
    if stage is None:
        return RecordedStage(evaluation.name, evaluation.name, given, evaluation.rankings)
    whole = uncut(stage)
    made = evaluation.rankings if whole is stage else tuple(whole.run(given))
    last = whole[-1] if isinstance(whole, Pipeline) else None
    if not isinstance(whole, Pipeline) or not isinstance(last, CalibrationStage):
        return RecordedStage(whole.name, whole.origin, given, made)
    scored = whole[:-1]
    before = [_uncalibrated(r, last.reads) for r in made]
    return Pipeline(RecordedStage(scored.name, scored.origin, given, before), last)


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
