"""Rankings as a TREC run, in the order that they have, whatever evaluates it."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from secondpass.core.errors import InvalidInputError, shown
from secondpass.core.jsonl import PathLike
from secondpass.core.ranking import Ranking


def run_of(rankings: Mapping[str, Ranking]) -> dict[str, dict[str, float]]:
    """What ir_measures, pytrec_eval and ranx take: a number for each document of each query.

    Evaluators read no rank column: they sort by the numbers, some after rounding them to 32 bits,
    and break ties each in their own way, trec_eval by document id, descending. So a query's own
    scores are given where no two are equal. Where some are (an order has none at all, and scores
    may differ only behind the seventh digit), the numbers count down from the length of the list,
    to 1: they say the order and nothing else.

    Args:
        rankings: By query id; an empty one is a query without results.

    Raises:
        InvalidInputError: An id that a run cannot hold, or not a ranking.
    """
    return {_checked(q, "query"): _numbers(ranking) for q, ranking in rankings.items()}


def write_run(rankings: Mapping[str, Ranking], path: PathLike, *, tag: str = "secondpass") -> None:
    """Write rankings as a TREC run: ``query Q0 document rank score tag``, ranks from 1.

    Args:
        rankings: By query id. One without candidates has no line.
        path: Replaced if it is there.
        tag: Names the system; without blanks.

    Raises:
        InvalidInputError: See `run_of`; or a tag with blanks.
    """
    _checked(tag, "tag")
    lines = [
        f"{query} Q0 {doc} {rank} {number!r} {tag}\n"
        for query, numbers in run_of(rankings).items()
        for rank, (doc, number) in enumerate(numbers.items(), start=1)
    ]
    Path(path).write_text("".join(lines), encoding="utf-8", newline="\n")


def numbers_for_trec(ranking: Ranking) -> list[float]:
    """A number for each candidate, best first; see `run_of`."""
    if ranking.scale != "order" and _all_differ(ranking.scores):
        return ranking.scores
    return [float(n) for n in range(len(ranking), 0, -1)]


def _numbers(ranking: Ranking) -> dict[str, float]:
    if not isinstance(ranking, Ranking):
        raise InvalidInputError(f"a run is made of rankings by query id, not {shown(ranking)}")
    for id in ranking.ids:
        _checked(id, "document")
    return dict(zip(ranking.ids, numbers_for_trec(ranking), strict=True))


def _all_differ(scores: Sequence[float]) -> bool:
    """Whether no two are equal, after rounding to 32 bits."""
    return all(above > below for above, below in pairwise(map(_rounded, scores)))


def _rounded(score: float) -> float:
    try:
        (rounded,) = struct.unpack("f", struct.pack("f", score))
    except OverflowError:
        return float("inf") if score > 0 else float("-inf")
    return float(rounded)


def _checked(id: str, what: str) -> str:
    if not isinstance(id, str) or not id or id.split() != [id]:
        raise InvalidInputError(
            f"the {what} id {id!r}: a run separates its columns by blanks, so an id is a string "
            "without any"
        )
    return id
