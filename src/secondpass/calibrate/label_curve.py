"""How many labelled queries a calibrator needs."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate
from statistics import fmean

from secondpass.calibrate.brier import brier_score
from secondpass.calibrate.calibration_error import expected_calibration_error
from secondpass.calibrate.fingerprint import fingerprint
from secondpass.calibrate.judged import Judged
from secondpass.calibrate.label_points import LabelCurve, LabelPoint
from secondpass.calibrate.log_loss import difference, total_log_loss
from secondpass.calibrate.observed import Observed, fitted, observe, pooled
from secondpass.calibrate.platt import Platt
from secondpass.calibrate.stage import Calibrator
from secondpass.errors import CalibrationError, InvalidInputError
from secondpass.stage import Stage

HELD_OUT = 0.25
"""Share of the queries that each repeat judges on and never fits on."""


def labels_needed(
    stage: Stage,
    judged: Iterable[Judged],
    sizes: Sequence[int] = (10, 25, 50, 100, 200),
    *,
    method: type[Calibrator] = Platt,
    repeats: int = 20,
    seed: int = 0,
) -> LabelCurve:
    """Fit on ever more of the labelled queries, judge on others, many times over.

    In each repeat a quarter of the queries, drawn anew, is kept for judging; each size takes the
    first so many of the rest. Copies of one query, but for case and spacing, stay together. Orders
    are calibrated by rank, whatever `method` says.

    Args:
        stage: Gives raw scores or orders; a calibrator at its end is left away.
        judged: Labelled queries, one third more than the largest size.
        sizes: Numbers of labelled queries. Those that there are not enough for are named in the
            result.
        method: For raw scores.
        repeats: How many draws.
        seed: Of the draws.

    Raises:
        InvalidInputError: No size, one below 1, or no repeat.
        CalibrationError: Too few queries for any size, or no fit succeeded.
        MissingExtraError: scikit-learn is not installed.
    """
    wanted = sorted(set(sizes))
    if not wanted or wanted[0] < 1 or repeats < 1:
        raise InvalidInputError(f"sizes={sizes!r}, repeats={repeats!r}: give numbers above 0")
    observed = observe(stage, judged)
    copies = _copies(observed)
    test = max(1, round(HELD_OUT * len(observed.rankings)))
    room = len(observed.rankings) - test
    if wanted[0] > room:
        raise CalibrationError(
            f"{len(observed.rankings)} queries, of which {test} are kept for judging, are too few "
            f"for {wanted[0]} to fit on; label more, or give smaller sizes"
        )
    runs = {size: _Runs() for size in wanted if size <= room}
    g = random.Random(seed)
    for _ in range(repeats):
        g.shuffle(copies)
        places = pooled(copies)
        out = len(pooled(copies[: _first(copies, test)]))  # a query's copies stay together
        judged_on = observed.at(places[:out])
        for size, run in runs.items():
            chosen = observed.at(places[out : out + size])
            run.add(chosen, judged_on, places[:out], method)
    done = {size: run for size, run in runs.items() if run.log_losses}
    if not done:
        raise CalibrationError("no fit of any size succeeded; label queries that have both classes")
    lengths = [len(y) for y in observed.labels]
    kind = method.__name__ if observed.scale == "raw" else "ByRank"
    return LabelCurve(
        observed.stage.name,
        kind,
        tuple(run.point(size, lengths) for size, run in done.items()),
        tuple(size for size in wanted if size not in done),
        repeats,
    )


def _copies(observed: Observed) -> list[list[int]]:
    """Places of the queries, those of equal ones together."""
    groups: dict[str, list[int]] = defaultdict(list)
    for place, ranking in enumerate(observed.rankings):
        groups[fingerprint(ranking.query)].append(place)
    if len(groups) < 2:
        raise CalibrationError(
            f"a label curve needs different queries to fit and to judge on, and here is "
            f"{len(groups)}; label more"
        )
    return list(groups.values())


def _first(groups: Sequence[Sequence[int]], least: int) -> int:
    """How many of the groups hold at least so many; never all."""
    held = accumulate(len(group) for group in groups[:-1])
    return next((i for i, n in enumerate(held, start=1) if n >= least), len(groups) - 1)


class _Runs:
    """What the repeats of one size gave."""

    def __init__(self) -> None:
        self.log_losses: list[float] = []
        self.errors: list[float] = []
        self.briers: list[float] = []
        self.by_query: dict[int, list[float]] = defaultdict(list)
        self.failed = 0

    def add(
        self, chosen: Observed, judged_on: Observed, places: Sequence[int], method: type[Calibrator]
    ) -> None:
        try:
            stage = fitted(chosen, method)
        except CalibrationError:
            self.failed += 1
            return
        labels = judged_on.labels
        said = [stage.probabilities(r) for r in judged_on.rankings]
        for place, p, y in zip(places, said, labels, strict=True):
            self.by_query[place].append(total_log_loss(p, y) if y else 0.0)
        p, y = pooled(said), pooled(labels)
        self.log_losses.append(total_log_loss(p, y) / len(y))
        self.errors.append(expected_calibration_error(p, y))
        self.briers.append(brier_score(p, y))

    def point(self, size: int, lengths: Sequence[int]) -> LabelPoint:
        seen = [q for q in self.by_query if lengths[q]]
        losses = [fmean(self.by_query[q]) for q in seen]
        error = difference(losses, [0.0] * len(seen), [lengths[q] for q in seen]).standard_error
        return LabelPoint(
            size, fmean(self.log_losses), fmean(self.errors), fmean(self.briers), error, self.failed
        )
