"""What members and metadata say of a candidate, as one row of numbers."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from secondpass.core.errors import InvalidInputError, NoScoresError, NotCalibratedError
from secondpass.core.logistic import logit
from secondpass.core.ranking import Ranking, Scale
from secondpass.core.short_repr import short_repr
from secondpass.stages.fuse.learned.metadata_features import (
    Field,
    FieldKind,
    Value,
    fields_of,
    present,
)
from secondpass.stages.fuse.member_results import ids_heard, scores_heard

FeatureKind = Literal["score", "standardised", "reciprocal-rank", "log-rank"]
ASPECTS: tuple[FeatureKind, ...] = ("score", "standardised", "reciprocal-rank", "log-rank")
MissingPolicy = Literal["worst", "skip"]
Row = list[Value]


@short_repr
@dataclass(frozen=True, slots=True)
class Features:
    """How rows are made: fitted by being made, by `of`.

    Attributes:
        members: Names of the stages, each once.
        scales: What each gives: ``order``, ``raw`` or ``probability``.
        aspects: Which of a member's features are made, see `Fuse.learn`.
        fields: Readers of metadata fields.
        missing: See `Fuse.learn`.
        k: Damping of the reciprocal rank.
        usual: What stands where nothing is known: each feature's mean over the labelled pairs.
    """

    members: tuple[str, ...]
    scales: tuple[Scale, ...]
    aspects: tuple[FeatureKind, ...]
    fields: tuple[Field, ...]
    missing: MissingPolicy
    k: int
    usual: tuple[float, ...] = ()

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        rankings: Sequence[Ranking],
        said: Sequence[Sequence[Ranking]],
        *,
        fields: Sequence[str] | Mapping[str, FieldKind],
        aspects: Sequence[FeatureKind],
        missing: MissingPolicy,
        k: int,
        now: datetime | None,
    ) -> tuple[Features, list[str]]:
        """Features for these members and fields, and what a person should know of them.

        Args:
            names: Of the members.
            rankings: What came in, one per query.
            said: For each query what each member made of it.
        """
        unknown = [a for a in aspects if a not in ASPECTS]
        if unknown or isinstance(aspects, str) or not aspects:
            raise InvalidInputError(f"features={aspects!r}: give some of {', '.join(ASPECTS)}")
        scales = [_scale(n, [s[i] for s in said]) for i, n in enumerate(names)]
        if set(aspects) <= {"score", "standardised"} and "order" in scales:
            silent = names[scales.index("order")]
            raise NoScoresError(
                f'{silent!r} gives an order without scores; add "log-rank" to the features'
            )
        read, notes = fields_of(fields, [c for r in rankings for c in r], now)
        made = cls(_unique(names), tuple(scales), tuple(aspects), read, missing, k)
        rows = [row for r, s in zip(rankings, said, strict=True) for row in made.known(r, s)]
        return replace(made, usual=tuple(map(_mean, zip(*rows, strict=True)))), notes

    @property
    def names(self) -> tuple[str, ...]:
        """One for each number of a row."""
        found = [
            f"{member}: {what}"
            for member, scale in zip(self.members, self.scales, strict=True)
            for what in (*self._aspects(scale), "missing")
        ]
        return (*found, *(name for field in self.fields for name in field.names))

    @property
    def absences(self) -> list[int]:
        """Places in a row that say whether a member was silent."""
        ends = [len(self._aspects(scale)) + 1 for scale in self.scales]
        return [sum(ends[: i + 1]) - 1 for i in range(len(ends))]

    def rows(self, ranking: Ranking, said: Sequence[Ranking]) -> list[list[float]]:
        """One row for each candidate, in the ranking's order."""
        return [
            [u if x is None else x for x, u in zip(row, self.usual, strict=True)]
            for row in self.known(ranking, said)
        ]

    def known(self, ranking: Ranking, said: Sequence[Ranking]) -> list[Row]:
        """Rows with None where nothing is known."""
        rows: list[Row] = [[] for _ in ranking]
        for name, scale, one in zip(self.members, self.scales, said, strict=True):
            for row, more in zip(rows, self._opinion(name, scale, ranking, one), strict=True):
                row.extend(more)
        now = present()
        for field in self.fields:
            for row, candidate in zip(rows, ranking, strict=True):
                row.extend(field.values(candidate, now))
        return rows

    def _aspects(self, scale: Scale) -> list[FeatureKind]:
        left_out = {"order": ("score", "standardised"), "probability": ("standardised",), "raw": ()}
        return [a for a in self.aspects if a not in left_out[scale]]

    def _opinion(self, name: str, scale: Scale, ranking: Ranking, said: Ranking) -> list[Row]:
        heard = scores_heard(said)
        if scale == "probability" and len(said) and said.scale != "probability":
            raise NotCalibratedError(
                f"{name!r} gave probabilities when this fusion was learned, and {said.scale} "
                "scores now; learn it again"
            )
        if scale == "probability":
            heard = {id: logit(p) for id, p in heard.items()}
        listed = ids_heard(said) if heard or scale == "order" else []
        ranks = {id: rank for rank, id in enumerate(listed, start=1)}
        deviation = statistics.pstdev(heard.values()) if heard else 0.0
        mean = statistics.fmean(heard.values()) if heard else 0.0
        worst = min(heard.values(), default=None)
        found: list[Row] = []
        for c in ranking:
            away = c.id not in (ranks if scale == "order" else heard)
            silent = away and (self.missing == "skip" or not ranks)
            score = None if silent else heard.get(c.id, worst)
            rank = ranks.get(c.id)
            values: dict[FeatureKind, Value] = {
                "score": score,
                "standardised": None if score is None else _z(score, mean, deviation),
                "reciprocal-rank": None if silent else (1 / (self.k + rank) if rank else 0.0),
                "log-rank": None if silent else -math.log(rank or len(ranks) + 1),
            }
            found.append([*(values[a] for a in self._aspects(scale)), float(away)])
        return found


def _scale(name: str, said: Sequence[Ranking]) -> Scale:
    scales = {r.scale for r in said if len(r)}
    if scales == {"probability"}:
        return "probability"
    if "probability" in scales:
        raise NotCalibratedError(
            f"{name!r} gives probabilities for some queries and none for others; calibrate all"
        )
    return "raw" if any(scores_heard(r) for r in said) else "order"


def _z(score: float, mean: float, deviation: float) -> float:
    return (score - mean) / deviation if deviation > 0 else 0.0


def _mean(column: Sequence[Value]) -> float:
    known = [x for x in column if x is not None]
    return statistics.fmean(known) if known else 0.0


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        name if names.index(name) == i else f"{name} #{names[: i + 1].count(name)}"
        for i, name in enumerate(names)
    )
