"""Held-out quality against the number of labelled queries."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean
from typing import TYPE_CHECKING

from secondpass.calibrate.calibration_data import (
    CalibrationData,
    Method,
    fit_calibrator,
    observe,
    pooled,
)
from secondpass.calibrate.methods.platt import Platt
from secondpass.calibrate.metrics.brier import brier_score
from secondpass.calibrate.metrics.calibration_error import expected_calibration_error
from secondpass.calibrate.metrics.log_loss import ratio_difference, total_log_loss
from secondpass.core.errors import CalibrationError, InvalidInputError
from secondpass.core.judged import JudgedQuery, normalise_query
from secondpass.core.printing import format_table, short_repr
from secondpass.core.stage import Stage

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class LabelPoint:
    """Means over the repeats, on queries that the fits had not seen.

    Attributes:
        queries: Number of labelled queries fitted on.
        log_loss: In nats.
        expected_calibration_error: In [0, 1].
        brier_score: In [0, 1].
        standard_error: Of the log loss, with the query as the sample.
        failed: Number of repeats in which so few queries could not be fitted on, for example
            because they had one class only; they are in none of the means.
    """

    queries: int
    log_loss: float
    expected_calibration_error: float
    brier_score: float
    standard_error: float
    failed: int


@short_repr
@dataclass(frozen=True, slots=True)
class LabelCurve:
    """Held-out quality against the number of labelled queries.

    Attributes:
        stage: Name of what was calibrated.
        method: Name of the calibrator.
        points: Smallest size first.
        left_out: Sizes that there were not enough queries for, or that could never be fitted.
        repeats: Number of random draws that each point is the mean of.
    """

    stage: str
    method: str
    points: tuple[LabelPoint, ...]
    left_out: tuple[int, ...]
    repeats: int

    @property
    def enough(self) -> int:
        """The smallest size within one standard error of the best log loss.

        A size that failed in more repeats than another is not the best, and none that ever failed
        is enough if some never did.
        """
        fewest = min(p.failed for p in self.points)
        able = [p for p in self.points if p.failed == fewest]
        best = min(able, key=lambda p: p.log_loss)
        return next(p for p in able if p.log_loss <= best.log_loss + best.standard_error).queries

    def __str__(self) -> str:
        rows: list[list[str | float | None]] = [
            [
                str(p.queries), p.log_loss, p.expected_calibration_error, p.brier_score,
                p.standard_error, str(p.failed),
            ]
            for p in self.points
        ]  # fmt: skip
        head = ("queries", "log loss", "ECE", "Brier", "standard error", "failed")
        missing = f"; too few queries for {', '.join(map(str, self.left_out))}"
        return (
            f"{self.stage}, {self.method}: {self.enough} labelled queries are enough (means of "
            f"{self.repeats} draws{missing if self.left_out else ''})\n{format_table(head, rows)}"
        )

    def figure(self) -> Figure:
        """Log loss, ECE and Brier score against the number of labelled queries.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        from secondpass.calibrate.plots import new_figure

        figure, panels = new_figure(11, 3.6, columns=3)
        sizes = [p.queries for p in self.points]
        for axes, name in zip(
            panels, ("log_loss", "expected_calibration_error", "brier_score"), strict=True
        ):
            axes.plot(sizes, [getattr(p, name) for p in self.points], "o-", markersize=4)
            axes.axvline(self.enough, color="0.6", linestyle="--", linewidth=1)
            axes.set(xscale="log", xlabel="labelled queries", ylabel=name.replace("_", " "))
            axes.set_xticks(sizes, [str(size) for size in sizes])
            axes.minorticks_off()
        figure.suptitle(f"{self.stage}, {self.method}: {self.enough} are enough")
        return figure


HELD_OUT = 0.25
"""Share of the queries that each repeat judges on and never fits on."""


def label_learning_curve(
    stage: Stage,
    judged: Iterable[JudgedQuery],
    sizes: Sequence[int] = (10, 25, 50, 100, 200),
    *,
    method: Method = Platt,
    repeats: int = 20,
    seed: int = 0,
) -> LabelCurve:
    """Fit on ever more of the labelled queries, judge on others, many times over.

    In each repeat a quarter of the queries, drawn anew, is kept for judging; each size is fitted
    on the first of the rest. Queries that differ only in case or spacing stay together. Orders are
    calibrated by rank, whatever `method` says.

    Args:
        stage: Gives raw scores or orders; a calibrator at its end is ignored.
        judged: Labelled queries, one third more than the largest size.
        sizes: Numbers of labelled queries. Those that there are not enough for are named in the
            result.
        method: For raw scores.
        repeats: Number of draws.
        seed: Of the draws.

    Raises:
        InvalidInputError: No size, one below 1, or no repeat.
        CalibrationError: Too few queries for any size, or no fit succeeded.
        MissingExtraError: scikit-learn is not installed.
    """
    ascending = sorted(set(sizes))
    if not ascending or ascending[0] < 1 or repeats < 1:
        raise InvalidInputError(f"sizes={sizes!r}, repeats={repeats!r}: give numbers above 0")
    observed = observe(stage, judged)
    groups = _group_equal_queries(observed)
    test = max(1, round(HELD_OUT * len(observed.rankings)))
    largest = len(observed.rankings) - test
    if ascending[0] > largest:
        raise CalibrationError(
            f"{len(observed.rankings)} queries, of which {test} are kept for judging, are too few "
            f"for {ascending[0]} to fit on; label more, or give smaller sizes"
        )
    runs = {size: _Repeats() for size in ascending if size <= largest}
    g = random.Random(seed)
    for _ in range(repeats):
        g.shuffle(groups)
        indices = pooled(groups)
        out = len(pooled(groups[: _count_groups(groups, test)]))  # equal queries stay together
        judged_on = observed.select(indices[:out])
        for size, run in runs.items():
            fit_on = observed.select(indices[out : out + size])
            run.add(fit_on, judged_on, indices[:out], method)
    fitted = {size: run for size, run in runs.items() if run.log_losses}
    if not fitted:
        raise CalibrationError("no fit of any size succeeded; label queries that have both classes")
    lengths = [len(y) for y in observed.labels]
    kind = method.__name__ if observed.scale == "raw" else "ByRank"
    return LabelCurve(
        stage=observed.stage.name,
        method=kind,
        points=tuple(run.point(size, lengths) for size, run in fitted.items()),
        left_out=tuple(size for size in ascending if size not in fitted),
        repeats=repeats,
    )


def _group_equal_queries(observed: CalibrationData) -> list[list[int]]:
    """Indices of the queries, those of equal ones together."""
    groups: dict[str, list[int]] = defaultdict(list)
    for index, ranking in enumerate(observed.rankings):
        groups[normalise_query(ranking.query)].append(index)
    if len(groups) < 2:
        raise CalibrationError(
            f"a label curve needs different queries to fit and to judge on, and here is "
            f"{len(groups)}; label more"
        )
    return list(groups.values())


def _count_groups(groups: Sequence[Sequence[int]], least: int) -> int:
    """The number of groups that together hold at least `least` queries; never all of them."""
    totals = accumulate(len(group) for group in groups[:-1])
    return next((i for i, n in enumerate(totals, start=1) if n >= least), len(groups) - 1)


class _Repeats:
    """Results of the repeats of one size."""

    def __init__(self) -> None:
        self.log_losses: list[float] = []
        self.errors: list[float] = []
        self.briers: list[float] = []
        self.by_query: dict[int, list[float]] = defaultdict(list)
        self.failed = 0

    def add(
        self,
        fit_on: CalibrationData,
        judged_on: CalibrationData,
        indices: Sequence[int],
        method: Method,
    ) -> None:
        try:
            stage = fit_calibrator(fit_on, method)
        except CalibrationError:
            self.failed += 1
            return
        labels = judged_on.labels
        probabilities = [stage.probabilities(r) for r in judged_on.rankings]
        for index, p, y in zip(indices, probabilities, labels, strict=True):
            self.by_query[index].append(total_log_loss(p, y) if y else 0.0)
        p, y = pooled(probabilities), pooled(labels)
        self.log_losses.append(total_log_loss(p, y) / len(y))
        self.errors.append(expected_calibration_error(p, y))
        self.briers.append(brier_score(p, y))

    def point(self, size: int, lengths: Sequence[int]) -> LabelPoint:
        queries = [q for q in self.by_query if lengths[q]]
        losses = [fmean(self.by_query[q]) for q in queries]
        mean = ratio_difference(losses, [0.0] * len(queries), [lengths[q] for q in queries])
        return LabelPoint(
            queries=size,
            log_loss=fmean(self.log_losses),
            expected_calibration_error=fmean(self.errors),
            brier_score=fmean(self.briers),
            standard_error=mean.standard_error,
            failed=self.failed,
        )
