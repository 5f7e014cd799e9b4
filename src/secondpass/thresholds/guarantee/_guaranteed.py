"""A pipeline and judged queries in, a pipeline with a promise out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from secondpass.calibrate import JudgedQuery
from secondpass.core.errors import (
    GuaranteeError,
    InvalidInputError,
    NoScoresError,
    NotCalibratedError,
    shown,
)
from secondpass.core.fitted import Fitted
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Pipeline, Stage, not_a_stage
from secondpass.thresholds.guarantee.guarantee import Guarantee, GuaranteedThreshold, RiskBound
from secondpass.thresholds.guarantee.leakage import checked_queries, unchecked
from secondpass.thresholds.guarantee.risk import Risk, named
from secondpass.thresholds.guarantee.risk_control import Bound, RiskConstraint, Search, shortfall
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
    independent of the others (the query is the sample, not the document), with candidates found
    and cut in the same way. Nothing is assumed about the scores, which need not be calibrated. It
    holds for the wish made before the judged queries were looked at: trying many wishes on the
    same queries until one passes makes it weaker.

    Of the safe thresholds, the highest is taken, which keeps least; if every risk is of those
    that dropping makes safe (``noise``), the lowest, which keeps most. How they are found, and
    why that is valid, is told in `secondpass.thresholds.guarantee.risk_control`. A
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
        InvalidInputError: A query is there twice, or another argument is not usable.
        NoScoresError: The pipeline gives only an order.
        NotCalibratedError: It gives different scales for different queries.
        MissingExtraError: scipy is not installed.
    """
    asked = _asked(risk, at_most)
    _check(asked, confidence, bound)
    if not isinstance(pipeline, Stage):
        raise InvalidInputError(not_a_stage(pipeline))
    pipeline = pipeline.without_last(GuaranteedThreshold)
    known = checked_queries(pipeline, list(judged))
    if not known:
        raise InvalidInputError("no judged queries; a guarantee is made from some dozens of them")
    samples = list(known.values())
    ranked = pipeline.run([j.ranking for j in samples])
    scale = _scale(pipeline, ranked)
    cuts = ThresholdGrid.of(samples, ranked)
    losses = {one.risk.name: cuts.losses(one.risk) for one in asked}
    search = Search(cuts, losses, confidence, bound)
    safe = search.safe(asked)
    if not safe:
        raise shortfall(search, asked)
    chosen = safe[-1] if any(one.risk.safe == "keep" for one in asked) else safe[0]
    guarantee = Guarantee(
        promises=_promises(search, asked, chosen),
        confidence=confidence,
        bound=bound,
        queries=len(samples),
        without_relevant=sum(not j.relevant for j in samples),
        candidates=float(cuts.given.sum() / len(samples)),
        kept=cuts.kept(chosen),
        safe=(float(cuts.scores[safe[0]]), float(cuts.scores[safe[-1]])),
        pipeline=pipeline.name,
        unchecked=unchecked(pipeline),
    )
    threshold = GuaranteedThreshold(
        _between(cuts, chosen),
        scale,
        guarantee,
        pipeline.origin or pipeline.name,
        trail=_trail(samples, ranked),
        queries=list(known),
    )
    return Fitted(pipeline=Pipeline(pipeline, threshold), evidence=guarantee)


def _asked(
    risk: str | Risk | Mapping[str, float] | Mapping[Risk, float], at_most: float | None
) -> list[RiskConstraint]:
    if not isinstance(risk, Mapping):
        return [RiskConstraint(named(risk), 0.1 if at_most is None else at_most)]
    if at_most is not None:
        raise InvalidInputError("several risks have their levels with them; leave at_most out")
    if not risk:
        raise InvalidInputError("no risk is named; there is nothing to promise")
    return [RiskConstraint(named(one), level) for one, level in risk.items()]


def _check(asked: Sequence[RiskConstraint], confidence: float | None, bound: str) -> None:
    for one in asked:
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


def _scale(pipeline: Stage, ranked: Sequence[Ranking]) -> Literal["probability", "raw"]:
    scales = sorted({r.scale for r in ranked if len(r)})
    if not scales:
        raise GuaranteeError(f"{pipeline.name!r} returns no candidate for any judged query")
    if "order" in scales:
        raise NoScoresError(
            f"{pipeline.name!r} gives only an order, which has nothing to cut by; put "
            "calibrated(stage, judged) before the guarantee, with other queries"
        )
    if len(scales) > 1:
        raise NotCalibratedError(f"{pipeline.name!r} gives {' and '.join(scales)} scores; use one")
    return "probability" if scales == ["probability"] else "raw"


def _promises(search: Search, asked: Sequence[RiskConstraint], chosen: int) -> list[RiskBound]:
    promises = []
    for one in asked:
        seen = float(search.losses[one.risk.name].means[chosen])
        p_value = float(search.p_values(one, [chosen], search.level(asked))[0])
        sure = None if search.confidence is None else p_value
        promises.append(RiskBound(one.risk.name, one.at_most, seen, sure))
    return promises


def _between(cuts: ThresholdGrid, chosen: int) -> float:
    """Half way to the score below, where rounding noise on either score changes nothing."""
    here = float(cuts.scores[chosen])
    if not chosen:
        return here
    below = float(cuts.scores[chosen - 1])
    half = below + (here - below) / 2
    return half if half > below else here


def _trail(judged: Sequence[JudgedQuery], ranked: Sequence[Ranking]) -> list[str]:
    """What the trails of all candidates end with, without what they came with."""
    added: set[tuple[str, ...]] = set()
    for j, r in zip(judged, ranked, strict=True):
        came_with = {c.id: len(c.trail) for c in j.ranking}
        added.update(tuple(m.stage for m in c.trail[came_with[c.id] :]) for c in r)
    shared: list[str] = []
    for places in zip(*(reversed(names) for names in added), strict=False):
        if len(set(places)) > 1:
            break
        shared.insert(0, places[0])
    return shared
