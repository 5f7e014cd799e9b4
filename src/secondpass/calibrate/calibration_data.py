"""Labelled queries after one run of a stage, and a calibrator fitted on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeVar

from secondpass.calibrate.methods.by_rank import ByRank
from secondpass.calibrate.methods.in_list import InList
from secondpass.calibrate.stages import (
    Calibrate,
    CalibrateInList,
    CalibrateOrder,
    CalibrationStage,
    Calibrator,
)
from secondpass.core.errors import CalibrationError, InvalidInputError, NotCalibratedError
from secondpass.core.judged import JudgedQuery, judged_list, normalise_query
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage, not_a_stage

if TYPE_CHECKING:
    from secondpass.calibrate.cross_validation import MethodChoice

T = TypeVar("T")
Method = type[Calibrator] | type[InList]
"""What raw scores are calibrated by."""


@dataclass(frozen=True, slots=True)
class CalibrationData:
    """Labelled queries as they left a stage: the model runs once, fits are cheap.

    Attributes:
        stage: What ran, without a calibrator at its end.
        scale: Of its rankings.
        rankings: Its results, one per labelled query.
        relevant: Ids of the relevant candidates of each.
    """

    stage: Stage
    scale: Literal["raw", "order"]
    rankings: tuple[Ranking, ...]
    relevant: tuple[frozenset[str], ...]

    @property
    def labels(self) -> list[list[bool]]:
        """Whether each candidate is relevant, best first, of each query."""
        both = zip(self.rankings, self.relevant, strict=True)
        return [[c.id in relevant for c in ranking] for ranking, relevant in both]

    @property
    def base_rate(self) -> float:
        """Share of relevant pairs."""
        flat = pooled(self.labels)
        return sum(flat) / len(flat)

    def select(self, indices: Sequence[int]) -> CalibrationData:
        """These queries only."""
        return replace(
            self,
            rankings=tuple(self.rankings[i] for i in indices),
            relevant=tuple(self.relevant[i] for i in indices),
        )


def observe(stage: Stage, judged: Iterable[JudgedQuery]) -> CalibrationData:
    """Run labelled queries through a stage, without the calibrator that it may end with.

    Raises:
        CalibrationError: No labelled query, or no candidate at all.
        NotCalibratedError: The stage gives probabilities, or a different scale for each query.
    """
    if not isinstance(stage, Stage):
        raise InvalidInputError(not_a_stage(stage))
    queries = judged_list(judged)
    if not queries:
        raise CalibrationError("no judged queries; a calibrator is fitted on some dozens of them")
    stage = stage.without_last(CalibrationStage)
    rankings = stage.run([j.ranking for j in queries])
    scales = {r.scale for r in rankings if len(r)}
    if not scales:
        raise CalibrationError(
            f"{stage.name!r} left no candidate of any judged query; give queries "
            "with candidates, or cut less before it"
        )
    if scales not in ({"raw"}, {"order"}):
        raise NotCalibratedError(
            f"{stage.name!r} gives {' and '.join(sorted(scales))} scores; calibration needs raw "
            "scores or orders, the same for every query"
            + ("; calibrate the stage before those that only cut" * ("probability" in scales))
        )
    scale: Literal["raw", "order"] = "raw" if scales == {"raw"} else "order"
    return CalibrationData(stage, scale, tuple(rankings), tuple(j.relevant for j in queries))


def fit_calibrator(
    observed: CalibrationData, method: Method | None, choice: MethodChoice | None = None
) -> CalibrationStage:
    """Fit a calibrator for this stage; `method` is for raw scores, orders have `ByRank`.

    Raises:
        CalibrationError: One class only, or scores ranked against the labels.
        MissingExtraError: scikit-learn is not installed.
    """
    origin = observed.stage.origin or observed.stage.name
    queries = sorted({normalise_query(r.query) for r in observed.rankings})
    rate = observed.base_rate
    if observed.scale == "order":
        by_rank = ByRank.fit(observed.rankings, observed.relevant, _incoming_stage(observed.stage))
        return CalibrateOrder(by_rank, origin, queries, base_rate=rate)
    if method is None:
        raise InvalidInputError("raw scores need a method, such as Platt")
    if issubclass(method, InList):
        in_list = InList.fit(observed.rankings, observed.relevant)
        return CalibrateInList(in_list, origin, queries, base_rate=rate)
    scores = [s for r in observed.rankings if len(r) for s in r.scores]
    curve = method.fit(scores, pooled(observed.labels))
    return Calibrate(curve, origin, queries, base_rate=rate, choice=choice)


def pooled(lists: Sequence[Sequence[T]]) -> list[T]:
    """The pairs of all queries in one list."""
    return [item for items in lists for item in items]


def _incoming_stage(stage: Stage) -> str | None:
    """Name of the last calibrator of a pipeline, whose probabilities the last stage saw."""
    names = [s.name for s in stage.parts if isinstance(s, CalibrationStage)]
    return names[-1] if names else None
