"""A threshold from labelled queries and a goal."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal

from secondpass.calibrate.cross_validation import folds_by_query
from secondpass.calibrate.stages import CalibrationStage
from secondpass.core.call_hints import hint_keywords
from secondpass.core.errors import (
    CalibrationError,
    InvalidInputError,
    NoScoresError,
    NotCalibratedError,
)
from secondpass.core.judged import Fitted, JudgedQuery, judged_list, normalise_query
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Pipeline, Stage, not_a_stage
from secondpass.core.tokens import Counter
from secondpass.stages.cut import measure_tokens
from secondpass.stages.threshold import Threshold
from secondpass.thresholds.evidence import ThresholdEvidence
from secondpass.thresholds.goals import Goal
from secondpass.thresholds.operating_points import Outcome, ThresholdCounts

_log = logging.getLogger("secondpass")

MAX_THRESHOLDS = 1000
"""Maximum number of thresholds tried; of more distinct scores, an even sample."""


@hint_keywords()
def choose_threshold(
    pipeline: Stage,
    judged: Iterable[JudgedQuery],
    goal: Goal,
    *,
    folds: int = 5,
    count_tokens: Counter | None = None,
) -> Fitted[ThresholdEvidence]:
    """The same pipeline with the threshold that meets a goal on labelled queries.

        chosen = choose_threshold(honest, judged, PrecisionAtLeast(0.8))
        print(chosen.evidence)      # also what to expect on new queries, which is a little less
        context = chosen.pipeline(ranking)

    Thresholds are tried half way between neighbouring scores, so that none depends on the last
    digit of one. Precision and recall are means over queries, see `Outcome`. The choice makes no
    promise: on other queries the goal may be missed by chance; `evidence.expected` says by how much
    on average, and `guaranteed` promises. Where even the expected outcome misses the goal,
    `evidence.meets_goal` is False, and `evidence.warning` and the `secondpass` logger say so. Take
    other queries than the calibrator was fitted on.

    Args:
        pipeline: Gives probabilities, or raw scores, which are then cut with ``scale="raw"``.
            A `Threshold` at its end is replaced.
        judged: Labelled queries; those without a relevant candidate belong to them.
        goal: `BestF`, `PrecisionAtLeast`, `RecallAtLeast`, `TokensAtMost`, or your own `Goal`.
        folds: Of the cross-validation by query.
        count_tokens: Tokens of a text; estimated if None, see `TokenBudget`.

    Raises:
        InvalidInputError: The goal is out of reach; says the best that is not.
        CalibrationError: No query, fewer than two different ones, or none with a relevant
            candidate.
        NoScoresError: The pipeline gives only an order.
        NotCalibratedError: It gives a different scale for each query.
    """
    if isinstance(goal, type) or not isinstance(goal, Goal):
        raise InvalidInputError(
            f"goal={goal!r} is not a goal; give one such as BestF() or PrecisionAtLeast(0.8)"
        )
    if not isinstance(pipeline, Stage):
        raise InvalidInputError(not_a_stage(pipeline))
    queries = judged_list(judged)
    pipeline = pipeline.without_last(Threshold)
    rankings = pipeline.run([j.ranking for j in queries])
    scale = _scale(pipeline, rankings)
    answerable = [bool(j.relevant) for j in queries]
    if not any(answerable):
        raise CalibrationError(
            f"none of the {len(queries)} labelled queries has a relevant candidate, so thresholds "
            "cannot be compared; label some that have one"
        )
    scores = [r.scores if len(r) else [] for r in rankings]
    counts = ThresholdCounts.of(
        _thresholds_to_try(scores, scale),
        scores,
        labels=[[c.id in j.relevant for c in r] for j, r in zip(queries, rankings, strict=True)],
        sizes=[[measure_tokens(c.text, count_tokens) for c in r] for r in rankings],
        relevant=[len(j.relevant) for j in queries],
    )
    curve = counts.curve(range(len(queries)))
    index = goal.pick(curve)
    if index is None:
        raise InvalidInputError(
            f"{goal!r} is out of reach on these {len(queries)} queries: {goal.reachable(curve)}"
        )
    parts = folds_by_query([j.ranking.query for j in queries], answerable, folds)
    expected, fold_indices = _cross_validate(counts, goal, parts, answerable)
    threshold = counts.thresholds[index]
    evidence = ThresholdEvidence(
        goal=goal,
        threshold=threshold,
        seen=curve[index].outcome,
        expected=expected,
        fold_thresholds=tuple(counts.thresholds[i] for i in fold_indices if i is not None),
        folds_short=fold_indices.count(None),
        curve=tuple(curve),
        queries=len(queries),
        answerable=sum(answerable),
        pairs=sum(len(s) for s in scores),
        reused=_count_reused(pipeline, queries),
    )
    if evidence.warning is not None:
        _log.warning(evidence.warning)
    return Fitted(pipeline=Pipeline(pipeline, Threshold(threshold, scale)), evidence=evidence)


def _cross_validate(
    counts: ThresholdCounts, goal: Goal, parts: Sequence[Sequence[int]], answerable: Sequence[bool]
) -> tuple[Outcome | None, list[int | None]]:
    """The outcome of all folds, each with the threshold of the others, and those thresholds."""
    chosen: list[int | None] = []  # indices of thresholds; None where the goal is out of reach
    judged_at: list[tuple[int, int]] = []
    for fold in parts:
        inside = set(fold)
        others = [i for i in range(len(answerable)) if i not in inside]
        able = any(answerable[i] for i in others)
        index = goal.pick(counts.curve(others)) if able else None
        chosen.append(index)
        if index is not None:
            judged_at += [(i, index) for i in fold]
    if not any(answerable[i] for i, _ in judged_at):
        return None, chosen
    return counts.outcome_at(judged_at), chosen


def _count_reused(pipeline: Stage, queries: Sequence[JudgedQuery]) -> int:
    fitted_on = {q for s in pipeline.parts if isinstance(s, CalibrationStage) for q in s.queries}
    return sum(normalise_query(j.ranking.query) in fitted_on for j in queries)


def _scale(pipeline: Stage, rankings: Sequence[Ranking]) -> Literal["probability", "raw"]:
    if not rankings:
        raise CalibrationError("no judged queries; a threshold is chosen on some dozens of them")
    scales = {r.scale for r in rankings if len(r)}
    if scales == {"probability"}:
        return "probability"
    if scales == {"raw"}:
        return "raw"
    if "order" in scales:
        raise NoScoresError(
            f"{pipeline.name!r} gives an order, which has no scores to cut by; calibrate it first: "
            "choose_threshold(calibrated(stage, judged).pipeline, others, goal)"
        )
    if not scales:
        raise CalibrationError(
            f"{pipeline.name!r} left no candidate of any judged query; give queries with "
            "candidates, or cut less before it"
        )
    raise NotCalibratedError(
        f"{pipeline.name!r} gives raw scores for some queries and probabilities for others"
    )


def _thresholds_to_try(
    scores: Sequence[Sequence[float]], scale: Literal["probability", "raw"]
) -> list[float]:
    """Rising: one that keeps all, those between neighbouring scores, one that keeps none if any."""
    distinct = sorted({s for one in scores for s in one})
    between = [low / 2 + high / 2 for low, high in pairwise(distinct)]
    if len(between) > MAX_THRESHOLDS:
        between = [between[i * len(between) // MAX_THRESHOLDS] for i in range(MAX_THRESHOLDS)]
    top = distinct[-1]
    if scale == "probability":
        return [0.0, *between, *([(top + 1) / 2] if top < 1 else [])]
    return [distinct[0], *between, top + max(1.0, abs(top) * 1e-6)]
