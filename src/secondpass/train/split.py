"""Parts of the judged queries that share no query: training, validation, calibration, held out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from secondpass.calibrate import JudgedQuery
from secondpass.core.errors import InvalidInputError
from secondpass.core.judged import normalise_query

MINIMUM_QUERIES = 40
"""With fewer, each part is so small that nothing can be said about what training did."""
SHARE = 0.1
"""Of the queries for validation, and as many for the calibrator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Judged queries by their purpose.

    Attributes:
        train: The weights are trained on these.
        validation: These choose the checkpoint.
        calibration: The calibrator is fitted on these.
        held_out: Before and after are compared on these.
    """

    train: tuple[JudgedQuery, ...]
    validation: tuple[JudgedQuery, ...]
    calibration: tuple[JudgedQuery, ...]
    held_out: tuple[JudgedQuery, ...]

    def sizes(self) -> dict[str, int]:
        """The number of lists in each part."""
        return {name: len(getattr(self, name)) for name in self.__slots__}

    def queries(self) -> dict[str, list[str]]:
        """The queries in each part, so that the same split can be measured again."""
        return {name: [j.ranking.query for j in getattr(self, name)] for name in self.__slots__}


def split_queries(judged: Sequence[JudgedQuery], *, held_out: float, seed: int) -> Split:
    """Split by query, stably: adding queries moves few others to another part.

    Lists without a relevant candidate, or without any other, are only trained on: no metric can
    be computed on them. Spellings that `normalise_query` takes for one query stay together.

    Args:
        judged: All judged lists.
        held_out: Share of the queries, see `TrainingConfig`.
        seed: Of the split.

    Raises:
        InvalidInputError: Too few queries, or one class only.
    """
    if not judged:
        raise InvalidInputError("no judged queries to train on")
    grouped: dict[str, list[JudgedQuery]] = {}
    for j in judged:
        grouped.setdefault(normalise_query(j.ranking.query), []).append(j)
    usable = {q for q, lists in grouped.items() if any(map(has_contrast, lists))}
    one_sided = tuple(j for q, lists in grouped.items() if q not in usable for j in lists)
    if not usable:
        which = "relevant" if all(j.relevant for j in judged) else "not relevant"
        raise InvalidInputError(
            f"in no list is one candidate relevant and another not (all are {which}); training "
            "learns from the contrast. Add negatives, or mine them: mine_negatives(pairs)"
        )
    if len(usable) < MINIMUM_QUERIES:
        raise InvalidInputError(
            f"{len(usable)} queries have both relevant and other candidates; training needs at "
            f"least {MINIMUM_QUERIES}, since it sets some aside to validate, calibrate and "
            "measure. With fewer, fit a calibrator only: calibrated(stage, judged)"
        )
    order = sorted(usable, key=lambda q: _hash(seed, grouped[q]))
    parts: list[tuple[JudgedQuery, ...]] = []
    start = 0
    for share in (held_out, SHARE, SHARE, 1):
        end = start + (len(order) if share == 1 else max(4, round(len(order) * share)))
        parts.append(tuple(j for q in order[start:end] for j in grouped[q]))
        start = end
    aside, validation, calibration, train = parts
    return Split(
        train=(*train, *one_sided), validation=validation, calibration=calibration, held_out=aside
    )


def has_contrast(judged: JudgedQuery) -> bool:
    """Whether one candidate is relevant and another is not."""
    return 0 < len(judged.relevant) < len(judged.ranking)


def _hash(seed: int, lists: list[JudgedQuery]) -> bytes:
    """Of the spelling, so that a query goes where it went whatever else there is."""
    spelling = min(" ".join(j.ranking.query.casefold().split()) for j in lists)
    return hashlib.sha256(f"{seed}\0{spelling}".encode("utf-8", "surrogatepass")).digest()
