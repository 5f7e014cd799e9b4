"""Fuses the results of several stages on the same candidates into one order."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from secondpass.core.candidate import Mark
from secondpass.core.errors import InvalidInputError, NoScoresError, NotCalibratedError
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Composite, Stage, StageSteps

Normalise = Literal["reciprocal-rank", "min-max", "z-score", "probability"]
MissingPolicy = Literal["worst", "skip"]


class Fuse(Composite):
    """A weighted sum of what several stages make of the same candidates. Gives ``raw`` scores.

    score(candidate) = sum over members of weight * normalised score. The normalisations:

    * ``reciprocal-rank``: 1 / (k + rank), rank from 1. With equal weights this is reciprocal rank
      fusion, Cormack et al. 2009. The only one that members without scores can take part in.
    * ``min-max``: scores stretched to [0, 1] within each ranking; all equal gives 0.5.
    * ``z-score``: scores shifted and scaled to mean 0 and deviation 1; all equal gives 0.
    * ``probability``: calibrated probabilities as they are.

    Each member sees the ranking that came in, and its marks are kept in the trail. A sum of
    probabilities is not a probability: calibrate the fusion to get one. `learn_fusion` learns
    weights from labels.

    Args:
        members: Stages, at least one. They may cut candidates.
        weights: One per member, not negative, not all 0; equal if None.
        normalise: What makes the members' scores comparable.
        missing: What a candidate gets from a member that cut it or does not score it: ``worst``,
            the least that this normalisation gives any candidate here (0 for reciprocal rank); or
            ``skip``, where the other members' weights are scaled up to make good for it.
        k: Damping of reciprocal rank; 60 in the paper.

    Raises:
        InvalidInputError: Members, weights or names that do not fit.
        NoScoresError: (when run) a member gives an order where scores are needed.
        NotCalibratedError: (when run) raw scores where probabilities are needed.
    """

    def __init__(
        self,
        *members: Stage,
        weights: Sequence[float] | None = None,
        normalise: Normalise = "reciprocal-rank",
        missing: MissingPolicy = "worst",
        k: int = 60,
    ) -> None:
        if not members or not all(isinstance(m, Stage) for m in members):
            raise InvalidInputError(f"Fuse needs stages, one or more; got {members!r}")
        numbers = [1.0] * len(members) if weights is None else [float(w) for w in weights]
        if len(numbers) != len(members):
            raise InvalidInputError(f"{len(numbers)} weights for {len(members)} members")
        if not all(math.isfinite(w) and w >= 0 for w in numbers) or sum(numbers) == 0:
            raise InvalidInputError(f"weights={numbers}: none may be negative, nor all 0")
        if normalise not in _NORMALISERS:
            raise InvalidInputError(f"normalise={normalise!r}; one of {', '.join(_NORMALISERS)}")
        if missing not in ("worst", "skip"):
            raise InvalidInputError(f'missing={missing!r}; "worst" or "skip"')
        if k < 0:
            raise InvalidInputError(f"k={k} must be 0 or more")
        self.members, self.weights, self.k = members, tuple(numbers), k
        self.normalise: Normalise = normalise
        self.missing: MissingPolicy = missing
        parts = ", ".join(f"{w:g} {m.name}" for w, m in zip(numbers, members, strict=True))
        how = f"{normalise}({k})" if normalise == "reciprocal-rank" else normalise
        self.name = f"Fuse({parts}; {how}{'' if missing == 'worst' else ', skip missing'})"

    def flow(self, rankings: Sequence[Ranking]) -> StageSteps:
        results = yield [(member, rankings) for member in self.members]
        return [self.combine(r, each) for r, *each in zip(rankings, *results, strict=True)]

    def combine(self, ranking: Ranking, member_rankings: Sequence[Ranking]) -> Ranking:
        """The fusion of what the members made of one ranking, in their order."""
        normalised = [
            self._normalise(m, r) for m, r in zip(self.members, member_rankings, strict=True)
        ]
        scores = [self._sum(c.id, normalised) for c in ranking]
        fused = with_trails(ranking, member_rankings)
        missing = sum(c.id not in one for c in ranking for one in normalised)
        if missing:
            fused = fused.with_event(
                self.name,
                "missing",
                f"{missing} of {len(ranking) * len(self.members)} scores are missing; "
                + ("each counts as the worst" if self.missing == "worst" else "skipped"),
            )
        return fused.rescored(scores, "raw", by=self.name)

    def _normalise(self, member: Stage, ranking: Ranking) -> dict[str, float]:
        """Normalised scores of one member by id."""
        if self.normalise == "reciprocal-rank":
            return {id: 1 / (self.k + rank) for rank, id in enumerate(ranked_ids(ranking), start=1)}
        if self.normalise == "probability" and len(ranking) and ranking.scale != "probability":
            raise NotCalibratedError(
                f"Fuse was to add up probabilities, and {member.name!r} gives "
                f"{ranking.scale} scores; calibrate that member, or choose another normalisation"
            )
        scores = scores_by_id(ranking)
        if len(ranking) and not scores:
            raise NoScoresError(
                f"{member.name!r} gives no scores on the query {ranking.query!r}, and "
                f'{self.normalise} needs some; use normalise="reciprocal-rank"'
            )
        return dict(zip(scores, _NORMALISERS[self.normalise](list(scores.values())), strict=True))

    def _sum(self, id: str, normalised: Sequence[dict[str, float]]) -> float:
        total, used = 0.0, 0.0
        for weight, scores in zip(self.weights, normalised, strict=True):
            if id in scores:
                total, used = total + weight * scores[id], used + weight
            elif self.missing == "worst" and scores and self.normalise != "reciprocal-rank":
                total += weight * min(scores.values())
        if self.missing == "skip":
            return total * sum(self.weights) / used if used else 0.0
        return total


def scores_by_id(ranking: Ranking) -> dict[str, float]:
    """A member's scores by id, best first; without candidates that it cut or did not score."""
    if ranking.scale == "order":
        scores = {c.id: c.trail[-1].score for c in ranking if c.trail}
    else:
        scores = {c.id: c.score for c in ranking if c.trail}
    return {id: score for id, score in scores.items() if score is not None}


def ranked_ids(ranking: Ranking) -> list[str]:
    """Ids in a member's order; if it scored some candidates, without those that it did not."""
    some = any(c.trail and c.trail[-1].score is not None for c in ranking)
    if ranking.scale != "order" or not some:
        return ranking.ids
    return [c.id for c in ranking if c.trail and c.trail[-1].score is not None]


def with_trails(ranking: Ranking, member_rankings: Sequence[Ranking]) -> Ranking:
    """The ranking that came in, as an order, with the marks and events of all members."""
    marks: dict[str, list[Mark]] = {c.id: [] for c in ranking}
    before = {c.id: len(c.trail) for c in ranking}
    for member_ranking in member_rankings:
        for c in member_ranking:
            marks[c.id].extend(c.trail[before[c.id] :])
    candidates = tuple(c.marked(None, *marks[c.id]) for c in ranking)
    new = [e for r in member_rankings for e in r.events[len(ranking.events) :]]
    return replace(ranking, candidates=candidates, scale="order", events=(*ranking.events, *new))


def _min_max(scores: Sequence[float]) -> list[float]:
    if not scores:
        return []
    low, high = min(scores), max(scores)
    return [(s - low) / (high - low) if high > low else 0.5 for s in scores]


def _z_score(scores: Sequence[float]) -> list[float]:
    if not scores:
        return []
    mean, deviation = statistics.fmean(scores), statistics.pstdev(scores)
    return [(s - mean) / deviation if deviation > 0 else 0.0 for s in scores]


_NORMALISERS: dict[str, Callable[[Sequence[float]], list[float]]] = {
    "reciprocal-rank": list,  # made from ranks, by Fuse
    "min-max": _min_max,
    "z-score": _z_score,
    "probability": list,
}
