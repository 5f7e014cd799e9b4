"""Parts of the judged queries that share no query: to train, choose, calibrate and judge."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from secondpass.calibrate import JudgedQuery
from secondpass.core.errors import InvalidInputError
from secondpass.core.judged import plain_query

MINIMUM_QUERIES = 40
"""With fewer, each part is so small that nothing can be said about what training did."""
SHARE = 0.1
"""Of the queries for choosing the checkpoint, and as many for the calibrator."""


@dataclass(frozen=True, slots=True)
class Split:
    """Judged queries by what they are for."""

    train: tuple[JudgedQuery, ...]
    choice: tuple[JudgedQuery, ...]
    calibration: tuple[JudgedQuery, ...]
    held_out: tuple[JudgedQuery, ...]

    def sizes(self) -> dict[str, int]:
        """Lists in each part."""
        return {name: len(getattr(self, name)) for name in self.__slots__}


def split_queries(judged: Sequence[JudgedQuery], *, held_out: float, seed: int) -> Split:
    """Split by query, stably: adding queries moves few others to another part.

    Lists without a relevant candidate, or without any other, are only trained on: no measure can
    be read off them. Queries that differ only in case, spacing or Unicode form are one
    query.

    Raises:
        InvalidInputError: `held_out` is not in (0, 0.5], too few queries, or one class only.
    """
    if not 0 < held_out <= 0.5:
        raise InvalidInputError(f"held_out={held_out}: a share of the queries, above 0, up to 0.5")
    if not judged:
        raise InvalidInputError("no judged queries to train on")
    grouped: dict[str, list[JudgedQuery]] = {}
    one_sided: list[JudgedQuery] = []
    for j in judged:
        grouped.setdefault(_query(j), []).append(j)
    both = {q for q, lists in grouped.items() if any(map(has_both, lists))}
    one_sided = [j for q, lists in grouped.items() if q not in both for j in lists]
    if not both:
        which = "relevant" if all(j.relevant for j in judged) else "not relevant"
        raise InvalidInputError(
            f"in no list is one candidate relevant and another not (all are {which}); training "
            "learns from the contrast. Add negatives, or mine them: mine_negatives(pairs)"
        )
    if len(both) < MINIMUM_QUERIES:
        raise InvalidInputError(
            f"{len(both)} queries have both relevant and other candidates; training needs at least "
            f"{MINIMUM_QUERIES}, since it sets some aside to choose, calibrate and measure. With "
            "fewer, fit a calibrator only: calibrated(stage, judged)"
        )
    order = sorted(both, key=lambda q: hashlib.sha256(f"{seed}\0{q}".encode()).digest())
    counts = [max(4, round(len(order) * share)) for share in (held_out, SHARE, SHARE)]
    parts: list[tuple[JudgedQuery, ...]] = []
    start = 0
    for count in counts:
        parts.append(tuple(j for q in order[start : start + count] for j in grouped[q]))
        start += count
    train = [j for q in order[start:] for j in grouped[q]]
    aside, choice, calibration = parts
    return Split((*train, *one_sided), choice, calibration, aside)


def has_both(judged: JudgedQuery) -> bool:
    """Whether there is something relevant and something else."""
    return 0 < len(judged.relevant) < len(judged.ranking)


def _query(judged: JudgedQuery) -> str:
    return plain_query(judged.ranking.query)
