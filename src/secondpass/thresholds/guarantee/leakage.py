"""Which queries the parts of a pipeline were fitted on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from secondpass.calibrate import CalibrationStage, JudgedQuery
from secondpass.core.errors import GuaranteeError, InvalidInputError
from secondpass.core.judged import normalise_query
from secondpass.core.stage import Stage


def checked_queries(stage: Stage, judged: Sequence[JudgedQuery]) -> dict[str, JudgedQuery]:
    """The judged queries by fingerprint, in the order of the fingerprints.

    That order has nothing to do with labels, nor with the order in which they came.

    Raises:
        InvalidInputError: A query is there twice.
        GuaranteeError: A part of the pipeline was fitted on one of them.
    """
    found: dict[str, JudgedQuery] = {}
    for j in judged:
        key = normalise_query(j.ranking.query)
        if key in found:
            raise InvalidInputError(
                f"the query {j.ranking.query!r} is judged twice (case and spacing aside). The "
                "promise needs independent queries, and a query and its copy are one; keep one of "
                "them, or join their relevant ids"
            )
        found[key] = j
    for name, queries in _fitted(stage):
        again = [j.ranking.query for key, j in found.items() if key in queries]
        if again:
            raise GuaranteeError(
                f"{len(again)} of the {len(found)} judged queries, such as {again[0]!r}, are those "
                f"that {name!r} was fitted on. It does better on them than on new ones, so "
                "the promise would be false; judge others, or split them before fitting"
            )
    return {key: found[key] for key in sorted(found)}


def unchecked(stage: Stage) -> list[str]:
    """Names of the calibrators that do not know their queries."""
    calibrators = (s for s in _parts(stage) if isinstance(s, CalibrationStage))
    return [s.name for s in calibrators if not s.queries]


def _fitted(stage: Stage) -> Iterator[tuple[str, frozenset[str]]]:
    for part in _parts(stage):
        queries: Sequence[str] = getattr(part, "queries", ())
        if queries:
            yield part.name, frozenset(queries)


def _parts(stage: Stage) -> Iterator[Stage]:
    """The stage and all stages that it is made of, at any depth."""
    yield stage
    for value in getattr(stage, "__dict__", {}).values():
        for item in value if isinstance(value, list | tuple) else (value,):
            if isinstance(item, Stage):
                yield from _parts(item)
