"""One row of numbers for each candidate: from the members' results and from metadata."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from secondpass.core.candidate import Scale
from secondpass.core.errors import InvalidInputError, NoScoresError, NotCalibratedError
from secondpass.core.formulas import logit
from secondpass.core.printing import short_repr
from secondpass.core.ranking import Ranking
from secondpass.stages.fuse.fuse import MissingPolicy, ranked_ids, scores_by_id
from secondpass.stages.fuse.learned.metadata_features import Field, FieldKind, Value, fields_of

FeatureKind = Literal["score", "standardised", "reciprocal-rank", "log-rank"]
KINDS: tuple[FeatureKind, ...] = ("score", "standardised", "reciprocal-rank", "log-rank")
Row = list[Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureOptions:
    """Arguments of `learn_fusion` that decide which features there are; see there."""

    fields: Sequence[str] | Mapping[str, FieldKind] = ()
    kinds: Sequence[FeatureKind] = KINDS
    missing: MissingPolicy = "worst"
    k: int = 60
    now: datetime | None = None


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Makes rows of candidates. Fitted by being made, with `Features.fit`.

    Attributes:
        members: Names of the stages, each once.
        scales: What each gives: ``order``, ``raw`` or ``probability``.
        kinds: Which features of a member a row holds, see `learn_fusion`.
        fields: Readers of metadata fields.
        missing: See `learn_fusion`.
        k: Damping of the reciprocal rank.
        imputed: What replaces a missing value: the mean of its column over the labelled pairs.
    """

    members: tuple[str, ...]
    scales: tuple[Scale, ...]
    kinds: tuple[FeatureKind, ...]
    fields: tuple[Field, ...]
    missing: MissingPolicy
    k: int
    imputed: tuple[float, ...] = ()

    @classmethod
    def fit(
        cls,
        members: Sequence[str],
        rankings: Sequence[Ranking],
        member_rankings: Sequence[Sequence[Ranking]],
        options: FeatureOptions,
    ) -> tuple[Features, list[str]]:
        """Features for these members and fields, and notes for the user.

        Args:
            members: Their names.
            rankings: What came in, one per query.
            member_rankings: For each query what each member made of it.
            options: Which features.
        """
        kinds = options.kinds
        unknown = [kind for kind in kinds if kind not in KINDS]
        if unknown or isinstance(kinds, str) or not kinds:
            raise InvalidInputError(f"features={kinds!r}: give some of {', '.join(KINDS)}")
        scales = [_scale(name, [r[i] for r in member_rankings]) for i, name in enumerate(members)]
        if set(kinds) <= {"score", "standardised"} and "order" in scales:
            unscored = members[scales.index("order")]
            raise NoScoresError(
                f'{unscored!r} gives an order without scores; add "log-rank" to the features'
            )
        candidates = [c for r in rankings for c in r]
        fields, notes = fields_of(options.fields, candidates, options.now)
        features = cls(
            members=_unique(members),
            scales=tuple(scales),
            kinds=tuple(kinds),
            fields=fields,
            missing=options.missing,
            k=options.k,
        )
        rows = [
            row
            for ranking, results in zip(rankings, member_rankings, strict=True)
            for row in features.raw_rows(ranking, results)
        ]
        return replace(features, imputed=tuple(map(_mean, zip(*rows, strict=True)))), notes

    @property
    def names(self) -> tuple[str, ...]:
        """One for each number of a row."""
        of_members = [
            f"{member}: {kind}"
            for member, scale in zip(self.members, self.scales, strict=True)
            for kind in (*self._kinds(scale), "missing")
        ]
        return (*of_members, *(name for field in self.fields for name in field.names))

    @property
    def missing_columns(self) -> list[int]:
        """Columns that say whether a member did not score a candidate, one per member."""
        widths = [len(self._kinds(scale)) + 1 for scale in self.scales]
        return [sum(widths[: i + 1]) - 1 for i in range(len(widths))]

    def rows(self, ranking: Ranking, member_rankings: Sequence[Ranking]) -> list[list[float]]:
        """One row for each candidate, in the ranking's order."""
        return [
            [mean if x is None else x for x, mean in zip(row, self.imputed, strict=True)]
            for row in self.raw_rows(ranking, member_rankings)
        ]

    def raw_rows(self, ranking: Ranking, member_rankings: Sequence[Ranking]) -> list[Row]:
        """Rows with None for missing values."""
        rows: list[Row] = [[] for _ in ranking]
        for name, scale, result in zip(self.members, self.scales, member_rankings, strict=True):
            for row, values in zip(rows, self._values(name, scale, ranking, result), strict=True):
                row.extend(values)
        now = datetime.now(UTC)
        for field in self.fields:
            for row, candidate in zip(rows, ranking, strict=True):
                row.extend(field.values(candidate, now))
        return rows

    def _kinds(self, scale: Scale) -> list[FeatureKind]:
        left_out = {"order": ("score", "standardised"), "probability": ("standardised",), "raw": ()}
        return [kind for kind in self.kinds if kind not in left_out[scale]]

    def _values(self, name: str, scale: Scale, ranking: Ranking, result: Ranking) -> list[Row]:
        """A member's values for each candidate, and whether it is missing there."""
        scores = scores_by_id(result)
        if scale == "probability" and len(result) and result.scale != "probability":
            raise NotCalibratedError(
                f"{name!r} gave probabilities when this fusion was learned, and {result.scale} "
                "scores now; learn it again"
            )
        if scale == "probability":
            scores = {id: logit(p) for id, p in scores.items()}
        ids = ranked_ids(result) if scores or scale == "order" else []
        ranks = {id: rank for rank, id in enumerate(ids, start=1)}
        deviation = statistics.pstdev(scores.values()) if scores else 0.0
        mean = statistics.fmean(scores.values()) if scores else 0.0
        worst = min(scores.values(), default=None)
        rows: list[Row] = []
        for c in ranking:
            missing = c.id not in (ranks if scale == "order" else scores)
            unknown = missing and (self.missing == "skip" or not ranks)
            score = None if unknown else scores.get(c.id, worst)
            rank = ranks.get(c.id)
            values: dict[FeatureKind, Value] = {
                "score": score,
                "standardised": None if score is None else _standardise(score, mean, deviation),
                "reciprocal-rank": None if unknown else (1 / (self.k + rank) if rank else 0.0),
                "log-rank": None if unknown else -math.log(rank or len(ranks) + 1),
            }
            rows.append([*(values[kind] for kind in self._kinds(scale)), float(missing)])
        return rows


def _scale(name: str, rankings: Sequence[Ranking]) -> Scale:
    scales = {r.scale for r in rankings if len(r)}
    if scales == {"probability"}:
        return "probability"
    if "probability" in scales:
        raise NotCalibratedError(
            f"{name!r} gives probabilities for some queries and none for others; calibrate all"
        )
    return "raw" if any(scores_by_id(r) for r in rankings) else "order"


def _standardise(score: float, mean: float, deviation: float) -> float:
    return (score - mean) / deviation if deviation > 0 else 0.0


def _mean(column: Sequence[Value]) -> float:
    values = [x for x in column if x is not None]
    return statistics.fmean(values) if values else 0.0


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        name if names.index(name) == i else f"{name} #{names[: i + 1].count(name)}"
        for i, name in enumerate(names)
    )
