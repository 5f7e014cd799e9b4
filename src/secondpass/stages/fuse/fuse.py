"""Several opinions on the same candidates, made into one order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from secondpass.core.errors import InvalidInputError, NoScoresError, NotCalibratedError
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Composite, Pipeline, Stage, StageSteps
from secondpass.stages.fuse.member_results import ids_heard, scores_heard, with_trails
from secondpass.stages.fuse.normalise import NORMALISED

if TYPE_CHECKING:
    from datetime import datetime

    from secondpass.core.judged import JudgedQuery
    from secondpass.stages.fuse.learned.features import FeatureKind
    from secondpass.stages.fuse.learned.metadata_features import FieldKind

Normalise = Literal["reciprocal-rank", "min-max", "z-score", "probability"]
MissingPolicy = Literal["worst", "skip"]


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
        missing: MissingPolicy = "worst",
        k: int = 60,
    ) -> None:
        if not members or not all(isinstance(m, Stage) for m in members):
            raise InvalidInputError(f"Fuse needs stages, one or more; got {members!r}")
        given = [1.0] * len(members) if weights is None else [float(w) for w in weights]
        if len(given) != len(members):
            raise InvalidInputError(f"{len(given)} weights for {len(members)} members")
        if not all(math.isfinite(w) and w >= 0 for w in given) or sum(given) == 0:
            raise InvalidInputError(f"weights={given}: none may be negative, nor all 0")
        if normalise not in NORMALISED:
            raise InvalidInputError(f"normalise={normalise!r}; one of {', '.join(NORMALISED)}")
        if missing not in ("worst", "skip"):
            raise InvalidInputError(f'missing={missing!r}; "worst" or "skip"')
        if k < 0:
            raise InvalidInputError(f"k={k} must be 0 or more")
        self.members, self.weights, self.k = members, tuple(given), k
        self.normalise: Normalise = normalise
        self.missing: MissingPolicy = missing
        parts = ", ".join(f"{w:g} {m.name}" for w, m in zip(given, members, strict=True))
        how = f"{normalise}({k})" if normalise == "reciprocal-rank" else normalise
        self.name = f"Fuse({parts}; {how}{'' if missing == 'worst' else ', skip missing'})"

    @staticmethod
    def learn(
        members: Sequence[Stage],
        judged: Iterable[JudgedQuery],
        method: Literal["logistic", "lambdamart"] = "logistic",
        *,
        fields: Sequence[str] | Mapping[str, FieldKind] = (),
        features: Sequence[FeatureKind] = ("score", "standardised", "reciprocal-rank", "log-rank"),
        missing: MissingPolicy = "worst",
        k: int = 60,
        now: datetime | None = None,
        folds: int = 5,
        seed: int = 0,
    ) -> Pipeline:
        """A fusion whose weights were learned from labelled queries.

            hybrid = Fuse.learn([load("bm25"), load("builtin:raw")], judged, fields=["date"])
            print(hybrid[0].evidence)       # against fixed weights and each member alone
            print(hybrid[0].weights)

        ``logistic`` is logistic regression: weights that can be read, regularised as
        cross-validation by query asks for. The fusion itself gives raw scores, the log-odds; the
        pipeline ends with a `Platt` calibrator, fitted on log-odds of queries that the weights had
        not seen, so what leaves it are probabilities. ``lambdamart`` is boosted trees that learn
        the order and find what interacts; it gives raw scores, wants more labels and the `learn`
        extra, and `calibrated` on other queries makes probabilities of them.

        A member's features are its score (the log-odds of a probability), the same standardised
        within each ranking (raw scores only), 1 / (k + rank), -ln(rank), and whether it was silent.

        Args:
            members: Stages; they run once over the labelled queries.
            judged: Labelled queries: ten with a relevant and another candidate at the least, fifty
                for LambdaMART. Keep others to calibrate on and to judge the result.
            method: See above.
            fields: Metadata fields to learn from, by name, or with their kinds: ``number``,
                ``date`` (taken as ln(1 + age in days)) or ``category`` (the ten most frequent
                values are told apart).
            features: Which of a member's features to use.
            missing: What a candidate gets from a member that cut it or has no opinion: ``worst``,
                that member's worst in this ranking; or ``skip``, what is usual over all.
            k: Damping of the reciprocal rank.
            now: The moment from which ages count; that of each call if None.
            folds: Of the cross-validation by query.
            seed: Of folds and trees; the same seed gives the same fusion.

        Returns:
            A `LearnedFuse`, and for ``logistic`` a calibrator behind it.

        Raises:
            CalibrationError: Too few labelled queries, one class only, or members that say nothing
                about relevance.
            InvalidInputError: Arguments or metadata that do not fit.
            MissingExtraError: scikit-learn or LightGBM is not installed.
        """
        from secondpass.stages.fuse.learned.fit import learned

        fixed = Fuse(*members, missing=missing, k=k)
        return learned(
            fixed.members,
            judged,
            method,
            fields=fields,
            aspects=features,
            missing=missing,
            k=k,
            now=now,
            folds=folds,
            seed=seed,
            fixed=fixed._one,
        )

    def flow(self, rankings: Sequence[Ranking]) -> StageSteps:
        results = yield [(member, rankings) for member in self.members]
        return [self._one(r, said) for r, *said in zip(rankings, *results, strict=True)]

    def _one(self, ranking: Ranking, said: Sequence[Ranking]) -> Ranking:
        opinions = [self._opinion(m, s) for m, s in zip(self.members, said, strict=True)]
        scores = [self._sum(c.id, opinions) for c in ranking]
        told = with_trails(ranking, said)
        unheard = sum(c.id not in o for c in ranking for o in opinions)
        if unheard:
            told = told.with_event(
                self.name,
                "missing",
                f"{unheard} of {len(ranking) * len(said)} opinions are missing; "
                + ("each counts as the worst" if self.missing == "worst" else "skipped"),
            )
        return told.rescored(scores, "raw", by=self.name)

    def _opinion(self, member: Stage, said: Ranking) -> dict[str, float]:
        if self.normalise == "reciprocal-rank":
            return {id: 1 / (self.k + rank) for rank, id in enumerate(ids_heard(said), start=1)}
        if self.normalise == "probability" and len(said) and said.scale != "probability":
            raise NotCalibratedError(
                f"Fuse was to add up probabilities, and {member.name!r} gives "
                f"{said.scale} scores; calibrate that member, or choose another normalisation"
            )
        known = scores_heard(said)
        if len(said) and not known:
            raise NoScoresError(
                f"{member.name!r} gives no scores on the query {said.query!r}, and "
                f'{self.normalise} needs some; use normalise="reciprocal-rank"'
            )
        return dict(zip(known, NORMALISED[self.normalise](list(known.values())), strict=True))

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
