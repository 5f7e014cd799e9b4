"""From labelled queries to a threshold with a guarantee."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from secondpass.core.errors import (
    GuaranteeError,
    InvalidInputError,
    NoScoresError,
    NotCalibratedError,
    shown,
)
from secondpass.core.judged import Fitted, JudgedQuery, judged_list
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Pipeline, Stage, not_a_stage
from secondpass.thresholds.guarantee.guarantee import Guarantee, GuaranteedThreshold, RiskBound
from secondpass.thresholds.guarantee.leakage import check_queries, unchecked_calibrators
from secondpass.thresholds.guarantee.risk import Risk, risk_named
from secondpass.thresholds.guarantee.risk_control import (
    Bound,
    RiskConstraint,
    Search,
    infeasible_error,
)
from secondpass.thresholds.guarantee.threshold_grid import ThresholdGrid


def guaranteed(
    pipeline: Stage,
    judged: Iterable[JudgedQuery],
    risk: str | Risk | Mapping[str, float] | Mapping[Risk, float] = "missed",
    at_most: float | None = None,
    confidence: float | None = 0.9,
    *,
    bound: Bound = "betting",
) -> Fitted[Guarantee]:
    """The same pipeline with a threshold behind it that keeps a promise.

        safe = guaranteed(pipeline, judged, "missed", at_most=0.1, confidence=0.9)
        safe = guaranteed(pipeline, judged, {"missed": 0.1, "noise": 0.5})
        print(safe.evidence)
        context = safe.pipeline(ranking)

    The promise is about queries like the judged ones: drawn from where those were, at random, each
    independent of the others (the query is the sample, not the document), with candidates
    retrieved and cut in the same way. Nothing is assumed about the scores, which need not be
    calibrated. It holds for risks and levels chosen before the judged queries were looked at:
    trying many on the same queries until one passes makes it weaker.

    Of the safe thresholds, the highest is taken, which keeps least; if every risk is of those
    that dropping makes safe (``noise``), the lowest, which keeps most. How they are found, and
    why that is valid: `secondpass.thresholds.guarantee.risk_control`. A
    `GuaranteedThreshold` that the pipeline already ends with is replaced.

    Args:
        pipeline: Gives probabilities or raw scores.
        judged: Labelled queries, each once, none of those that the pipeline was fitted on. What
            the pipeline itself drops of their relevant candidates counts as dropped.
        risk: ``missed`` (share of the relevant candidates dropped), ``noise`` (share of the kept
            ones that are not relevant), ``unanswered`` (nothing relevant kept though there was
            something), a `Risk` of your own, or several with their levels, which hold at once.
        at_most: The level of a single risk, in (0, 1); 0.1 if not given.
        confidence: The probability that the risks are at most their levels, in [0.5, 1). None:
            they are so on average, which needs fewer queries and monotone risks.
        bound: The p-value of losses between 0 and 1: ``betting`` (tightest), or
            ``hoeffding-bentkus`` (the order of the queries does not matter). Losses of 0 or 1
            are tested exactly.

    Raises:
        GuaranteeError: Nothing can be promised (says what could, and how many more queries it
            would need), or the pipeline was fitted on some of the judged queries.
        InvalidInputError: A query is judged twice, or another argument is not usable.
        NoScoresError: The pipeline gives only an order.
        NotCalibratedError: It gives different scales for different queries.
        MissingExtraError: scipy is not installed.
    """
    constraints = _constraints(risk, at_most)
    _check(constraints, confidence, bound)
    if not isinstance(pipeline, Stage):
        raise InvalidInputError(not_a_stage(pipeline))
    pipeline = pipeline.without_last(GuaranteedThreshold)
    by_key = check_queries(pipeline, judged_list(judged))
    if not by_key:
        raise InvalidInputError("no judged queries; a guarantee is made from some dozens of them")
    queries = list(by_key.values())
    rankings = pipeline.run([j.ranking for j in queries])
    scale = _scale(pipeline, rankings)
    grid = ThresholdGrid.of(queries, rankings)
    losses = {one.risk.name: grid.losses(one.risk) for one in constraints}
    search = Search(grid, losses, confidence, bound)
    safe = search.safe(constraints)
    if not safe:
        raise infeasible_error(search, constraints)
    chosen = safe[-1] if any(one.risk.safe == "keep" for one in constraints) else safe[0]
    guarantee = Guarantee(
        promises=_risk_bounds(search, constraints, chosen),
        confidence=confidence,
        bound=bound,
        queries=len(queries),
        without_relevant=sum(not j.relevant for j in queries),
        candidates=float(grid.incoming.sum() / len(queries)),
        kept=grid.kept(chosen),
        safe=(float(grid.scores[safe[0]]), float(grid.scores[safe[-1]])),
        pipeline=pipeline.name,
        unchecked=unchecked_calibrators(pipeline),
    )
    threshold = GuaranteedThreshold(
        _midpoint_below(grid, chosen),
        scale,
        guarantee,
        pipeline.origin or pipeline.name,
        trail=_shared_trail(queries, rankings),
        queries=list(by_key),
    )
    return Fitted(pipeline=Pipeline(pipeline, threshold), evidence=guarantee)


def _constraints(
    risk: str | Risk | Mapping[str, float] | Mapping[Risk, float], at_most: float | None
) -> list[RiskConstraint]:
    if not isinstance(risk, Mapping):
        return [RiskConstraint(risk_named(risk), 0.1 if at_most is None else at_most)]
    if at_most is not None:
        raise InvalidInputError("several risks have their levels with them; leave at_most out")
    if not risk:
        raise InvalidInputError("no risk is named, so there is nothing to promise")
    return [RiskConstraint(risk_named(one), level) for one, level in risk.items()]


def _check(constraints: Sequence[RiskConstraint], confidence: float | None, bound: str) -> None:
    for one in constraints:
        if not isinstance(one.at_most, int | float) or not 0 < one.at_most < 1:
            raise InvalidInputError(
                f"at_most={shown(one.at_most)} for {one.risk.name!r}: give a number in (0, 1)"
            )
        if confidence is None and not one.risk.monotone:
            raise InvalidInputError(
                f"{one.risk.name!r} is not monotone, so nothing can be promised on average; give a "
                "confidence"
            )
    if confidence is not None and not (
        isinstance(confidence, int | float) and 0.5 <= confidence < 1
    ):
        raise InvalidInputError(f"confidence={shown(confidence)}: give a number in [0.5, 1)")
    if bound not in ("betting", "hoeffding-bentkus"):
        raise InvalidInputError(f'bound={bound!r}: choose "betting" or "hoeffding-bentkus"')


def _scale(pipeline: Stage, rankings: Sequence[Ranking]) -> Literal["probability", "raw"]:
    scales = sorted({r.scale for r in rankings if len(r)})
    if not scales:
        raise GuaranteeError(f"{pipeline.name!r} returns no candidate for any judged query")
    if "order" in scales:
        raise NoScoresError(
            f"{pipeline.name!r} gives only an order, which has nothing to cut by; put "
            "calibrated(stage, judged).pipeline before the guarantee, with other queries"
        )
    if len(scales) > 1:
        raise NotCalibratedError(f"{pipeline.name!r} gives {' and '.join(scales)} scores; use one")
    return "probability" if scales == ["probability"] else "raw"


def _risk_bounds(
    search: Search, constraints: Sequence[RiskConstraint], chosen: int
) -> list[RiskBound]:
    bounds = []
    for one in constraints:
        observed = float(search.losses[one.risk.name].means[chosen])
        p_value = float(search.p_values(one, [chosen], search.level(constraints))[0])
        bounds.append(
            RiskBound(
                risk=one.risk.name,
                at_most=one.at_most,
                observed=observed,
                p_value=None if search.confidence is None else p_value,
            )
        )
    return bounds


def _midpoint_below(grid: ThresholdGrid, chosen: int) -> float:
    """Half way to the score below, where rounding noise on either score changes nothing."""
    score = float(grid.scores[chosen])
    if not chosen:
        return score
    below = float(grid.scores[chosen - 1])
    half = below + (score - below) / 2
    return half if half > below else score


def _shared_trail(judged: Sequence[JudgedQuery], rankings: Sequence[Ranking]) -> list[str]:
    """Names of the stages that the trails of all candidates end with, without those before."""
    added: set[tuple[str, ...]] = set()
    for j, r in zip(judged, rankings, strict=True):
        came_with = {c.id: len(c.trail) for c in j.ranking}
        added.update(tuple(m.stage for m in c.trail[came_with[c.id] :]) for c in r)
    shared: list[str] = []
    for names in zip(*(reversed(trail) for trail in added), strict=False):
        if len(set(names)) > 1:
            break
        shared.insert(0, names[0])
    return shared
