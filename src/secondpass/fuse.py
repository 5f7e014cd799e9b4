"""Several opinions on the same candidates, made into one order."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from secondpass.candidate import Candidate, Mark
from secondpass.errors import InvalidInputError, NoScoresError, NotCalibratedError
from secondpass.ranking import Event, Ranking
from secondpass.stage import Composite, Flow, Stage

Normalise = Literal["reciprocal-rank", "min-max", "z-score", "probability"]
Missing = Literal["worst", "skip"]


class Fuse(Composite):
    """A weighted sum of what several stages say of the same candidates. Gives ``raw`` scores.

    score(candidate) = sum over members of weight * normalised opinion. The normalisations:

    * ``reciprocal-rank``: 1 / (k + rank), rank from 1. With equal weights this is reciprocal rank
      fusion, Cormack et al. 2009. The only one that members without scores can take part in.
    * ``min-max``: scores stretched to [0, 1] within each ranking; all equal gives 0.5.
    * ``z-score``: scores shifted and scaled to mean 0 and deviation 1; all equal gives 0.
    * ``probability``: calibrated probabilities as they are.

    Each member sees the ranking that came in, and its marks are kept in the trail. A sum of
    probabilities is no probability: calibrate the fusion to get one.

    Args:
        members: Stages, at least one. They may cut candidates.
        weights: One per member, not negative, not all 0; equal if None.
        normalise: What makes the members' opinions comparable.
        missing: What a candidate gets from a member that cut it or has no opinion: ``worst``, the
            least that this normalisation gives anyone here (0 for reciprocal rank); or ``skip``,
            where the other members' weights are scaled up to make good for it.
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
        missing: Missing = "worst",
        k: int = 60,
    ) -> None:
        if not members or not all(isinstance(m, Stage) for m in members):
            raise InvalidInputError(f"Fuse needs stages, one or more; got {members!r}")
        given = [1.0] * len(members) if weights is None else [float(w) for w in weights]
        if len(given) != len(members):
            raise InvalidInputError(f"{len(given)} weights for {len(members)} members")
        if not all(math.isfinite(w) and w >= 0 for w in given) or sum(given) == 0:
            raise InvalidInputError(f"weights={given}: none may be negative, nor all 0")
        if normalise not in _NORMALISED:
            raise InvalidInputError(f"normalise={normalise!r}; one of {', '.join(_NORMALISED)}")
        if missing not in ("worst", "skip"):
            raise InvalidInputError(f'missing={missing!r}; "worst" or "skip"')
        if k < 0:
            raise InvalidInputError(f"k={k} must be 0 or more")
        self.members, self.weights, self.k = members, tuple(given), k
        self.normalise: Normalise = normalise
        self.missing: Missing = missing
        parts = ", ".join(f"{w:g} {m.name}" for w, m in zip(given, members, strict=True))
        how = f"{normalise}({k})" if normalise == "reciprocal-rank" else normalise
        self.name = f"Fuse({parts}; {how}{'' if missing == 'worst' else ', skip missing'})"

    def flow(self, rankings: Sequence[Ranking]) -> Flow:
        results = yield [(member, rankings) for member in self.members]
        return [self._one(r, said) for r, *said in zip(rankings, *results, strict=True)]

    def _one(self, ranking: Ranking, said: Sequence[Ranking]) -> Ranking:
        opinions = [self._opinion(m, s) for m, s in zip(self.members, said, strict=True)]
        scores = [self._sum(c.id, opinions) for c in ranking]
        told = replace(
            ranking,
            candidates=self._with_marks(ranking, said),
            scale="order",
            events=_merged(ranking, said),
        )
        unheard = sum(c.id not in o for c in ranking for o in opinions)
        if unheard:
            told = told.told(
                self.name,
                "missing",
                f"{unheard} of {len(ranking) * len(said)} opinions are missing; "
                + ("each counts as the worst" if self.missing == "worst" else "skipped"),
            )
        return told.rescored(scores, "raw", by=self.name)

    def _opinion(self, member: Stage, said: Ranking) -> dict[str, float]:
        if self.normalise == "reciprocal-rank":
            heard = [c.id for c in said if not _silent(c.trail, said)]
            return {id: 1 / (self.k + rank) for rank, id in enumerate(heard, start=1)}
        if self.normalise == "probability" and len(said) and said.scale != "probability":
            raise NotCalibratedError(
                f"Fuse was to add up probabilities, and {member.name!r} gives "
                f"{said.scale} scores; calibrate that member, or choose another normalisation"
            )
        heard_scores = {
            c.id: c.trail[-1].score if said.scale == "order" else c.score for c in said if c.trail
        }
        known = {id: s for id, s in heard_scores.items() if s is not None}
        if len(said) and not known:
            raise NoScoresError(
                f"{member.name!r} gives no scores on the query {said.query!r}, and "
                f'{self.normalise} needs some; use normalise="reciprocal-rank"'
            )
        return dict(zip(known, _NORMALISED[self.normalise](list(known.values())), strict=True))

    def _sum(self, id: str, opinions: Sequence[dict[str, float]]) -> float:
        total, heard = 0.0, 0.0
        for weight, opinion in zip(self.weights, opinions, strict=True):
            if id in opinion:
                total, heard = total + weight * opinion[id], heard + weight
            elif self.missing == "worst" and opinion and self.normalise != "reciprocal-rank":
                total += weight * min(opinion.values())
        if self.missing == "skip":
            return total * sum(self.weights) / heard if heard else 0.0
        return total

    def _with_marks(self, ranking: Ranking, said: Sequence[Ranking]) -> tuple[Candidate, ...]:
        new: dict[str, list[Mark]] = {c.id: [] for c in ranking}
        before = {c.id: len(c.trail) for c in ranking}
        for s in said:
            for c in s:
                new[c.id].extend(c.trail[before[c.id] :])
        return tuple(replace(c, score=None, trail=(*c.trail, *new[c.id])) for c in ranking)


def _silent(trail: tuple[Mark, ...], said: Ranking) -> bool:
    """Whether the member that made `said` had no opinion on this one but had on others."""
    some = any(c.trail and c.trail[-1].score is not None for c in said)
    return said.scale == "order" and some and trail[-1].score is None


def _merged(ranking: Ranking, said: Sequence[Ranking]) -> tuple[Event, ...]:
    old = len(ranking.events)
    return (*ranking.events, *(event for s in said for event in s.events[old:]))


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


_NORMALISED: dict[str, Callable[[Sequence[float]], list[float]]] = {
    "reciprocal-rank": list,  # made from ranks, in _opinion
    "min-max": _min_max,
    "z-score": _z_score,
    "probability": list,
}
