"""A threshold from labelled queries and a goal."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal

from secondpass.calibrate.cross_validation import folds_by_query
from secondpass.calibrate.stages import Calibrate, CalibrateOrder
from secondpass.core.call_hints import hint_keywords
from secondpass.core.errors import (
    CalibrationError,
    InvalidInputError,
    NoScoresError,
    NotCalibratedError,
)
from secondpass.core.judged import JudgedQuery, judged_list, normalise_query
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Pipeline, Stage
from secondpass.core.tokens import Counter
from secondpass.stages.threshold import Threshold
from secondpass.stages.token_budget import counted
from secondpass.thresholds.evidence import ChosenThreshold, ThresholdEvidence
from secondpass.thresholds.goals import Goal
from secondpass.thresholds.operating_points import Outcome, ThresholdCounts

_log = logging.getLogger("secondpass")

MOST = 1000
"""Thresholds tried; where there are more different scores, every so manieth of them."""


@hint_keywords()
def choose_threshold(
    pipeline: Stage,
    judged: Iterable[JudgedQuery],
    goal: Goal,
    *,
    folds: int = 5,
    count: Counter | None = None,
) -> ChosenThreshold:
    """The same pipeline with the threshold that meets a goal on labelled queries.

        chosen = choose_threshold(honest, judged, PrecisionAtLeast(0.8))
        print(chosen.evidence)      # also what to expect on new queries, which is a little less
        context = chosen.pipeline(ranking)

    Thresholds are tried half way between neighbouring scores, so that none hangs on the last digit
    of one. Precision and recall are means over queries, see `Outcome`. The choice makes no promise:
    on other queries the goal may be missed by chance; `expected` says by how much on average, and
    `guaranteed` promises. Where the goal is not even to be expected, `evidence.meets_goal` is
    False, and `evidence.warning` and the `secondpass` logger say what is. Take other queries than
    the calibrator was fitted on.

    Args:
        pipeline: Gives probabilities, or raw scores, which are then cut with ``scale="raw"``.
            A `Threshold` at its end is replaced.
        judged: Labelled queries; those without a relevant candidate belong to them.
        goal: `BestF`, `PrecisionAtLeast`, `RecallAtLeast`, `TokensAtMost`, or your own `Goal`.
        folds: Of the cross-validation by query.
        count: Tokens of a text; estimated if None, see `TokenBudget`.

    Raises:
        InvalidInputError: The goal is out of reach; says the best that is not.
        CalibrationError: No query, fewer than two different ones, or none with a relevant
            candidate.
        NoScoresError: The pipeline gives only an order.
        NotCalibratedError: It gives a different scale for each query.
    """
    if isinstance(goal, type) or not isinstance(goal, Goal):
        raise InvalidInputError(
            f"goal={goal!r} is no goal; give one such as BestF() or PrecisionAtLeast(0.8)"
        )
    known = judged_list(judged)
    if isinstance(pipeline, Pipeline) and isinstance(pipeline[-1], Threshold):
        pipeline = pipeline[:-1]
    ranked = pipeline.run([j.ranking for j in known])
    scale = _scale(pipeline, ranked)
    answerable = [bool(j.relevant) for j in known]
    if not any(answerable):
        raise CalibrationError(
            f"none of the {len(known)} labelled queries has a relevant candidate, so no threshold "
            "can be told from another; label some that have"
        )
    scores = [r.scores if len(r) else [] for r in ranked]
    counts = ThresholdCounts.of(
        _thresholds(scores, scale),
        scores,
        [[c.id in j.relevant for c in r] for j, r in zip(known, ranked, strict=True)],
        [[counted(c.text, count) for c in r] for r in ranked],
        [len(j.relevant) for j in known],
    )
    curve = counts.curve(range(len(known)))
    place = goal.pick(curve)
    if place is None:
        raise InvalidInputError(
            f"{goal!r} is out of reach on these {len(known)} queries: {goal.reachable(curve)}"
        )
    parts = folds_by_query([j.ranking.query for j in known], answerable, folds)
    expected, places = _expected(counts, goal, parts, answerable)
    threshold = counts.thresholds[place]
    evidence = ThresholdEvidence(
        goal,
        threshold,
        curve[place].outcome,
        expected,
        tuple(counts.thresholds[i] for i in places if i is not None),
        places.count(None),
        tuple(curve),
        len(known),
        sum(answerable),
        sum(len(s) for s in scores),
        _reused(pipeline, known),
    )
    if evidence.warning is not None:
        _log.warning(evidence.warning)
    return ChosenThreshold(Pipeline(pipeline, Threshold(threshold, scale)), evidence)


def _expected(
    counts: ThresholdCounts, goal: Goal, parts: Sequence[Sequence[int]], answerable: Sequence[bool]
) -> tuple[Outcome | None, list[int | None]]:
    """The outcome for each fold with the threshold of the others, and those thresholds' places."""
    chosen: list[int | None] = []
    judged_at: list[tuple[int, int]] = []
    for fold in parts:
        inside = set(fold)
        others = [i for i in range(len(answerable)) if i not in inside]
        able = any(answerable[i] for i in others)
        place = goal.pick(counts.curve(others)) if able else None
        chosen.append(place)
        if place is not None:
            judged_at += [(i, place) for i in fold]
    if not any(answerable[i] for i, _ in judged_at):
        return None, chosen
    return counts.at(judged_at), chosen


def _reused(pipeline: Stage, known: Sequence[JudgedQuery]) -> int:
    stages = pipeline.stages if isinstance(pipeline, Pipeline) else (pipeline,)
    fitted_on = {q for s in stages if isinstance(s, Calibrate | CalibrateOrder) for q in s.queries}
    return sum(normalise_query(j.ranking.query) in fitted_on for j in known)


def _scale(pipeline: Stage, ranked: Sequence[Ranking]) -> Literal["probability", "raw"]:
    if not ranked:
        raise CalibrationError("no judged queries; a threshold is chosen on some dozens of them")
    scales = {r.scale for r in ranked if len(r)}
    if scales == {"probability"}:
        return "probability"
    if scales == {"raw"}:
        return "raw"
    if "order" in scales:
        raise NoScoresError(
            f"{pipeline.name!r} gives an order, which has no scores to cut by; calibrate it first: "
            "choose_threshold(calibrated(stage, judged), others, goal)"
        )
    if not scales:
        raise CalibrationError(
            f"{pipeline.name!r} left no candidate of any judged query; give queries with "
            "candidates, or cut less before"
        )
    raise NotCalibratedError(
        f"{pipeline.name!r} gives raw scores for some queries and probabilities for others"
    )


def _thresholds(
    scores: Sequence[Sequence[float]], scale: Literal["probability", "raw"]
) -> list[float]:
    """Rising: one that keeps all, those between neighbouring scores, one that keeps none if any."""
    distinct = sorted({s for one in scores for s in one})
    between = [low / 2 + high / 2 for low, high in pairwise(distinct)]
    if len(between) > MOST:
        between = [between[i * len(between) // MOST] for i in range(MOST)]
    top = distinct[-1]
    if scale == "probability":
        return [0.0, *between, *([(top + 1) / 2] if top < 1 else [])]
    return [distinct[0], *between, top + max(1.0, abs(top) * 1e-6)]
