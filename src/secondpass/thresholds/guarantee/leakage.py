"""Which queries the parts of a pipeline were fitted on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from secondpass.calibrate import CalibrationStage, JudgedQuery
from secondpass.core.errors import GuaranteeError, InvalidInputError
from secondpass.core.judged import normalise_query
from secondpass.core.stage import Stage


def check_queries(stage: Stage, judged: Sequence[JudgedQuery]) -> dict[str, JudgedQuery]:
    """Check that the judged queries are new; gives them by fingerprint, in that order.

    The order has nothing to do with labels, nor with the order in which they came.

    Raises:
        InvalidInputError: A query is judged twice.
        GuaranteeError: A part of the pipeline was fitted on one of them.
    """
    by_key: dict[str, JudgedQuery] = {}
    for j in judged:
        key = normalise_query(j.ranking.query)
        if key in by_key:
            raise InvalidInputError(
                f"the query {j.ranking.query!r} is judged twice (case and spacing aside). The "
                "promise needs independent queries, and a query and its copy are one; keep one of "
                "them, or join their relevant ids"
            )
        by_key[key] = j
    for name, queries in _fitted_stages(stage):
        again = [j.ranking.query for key, j in by_key.items() if key in queries]
        if again:
            raise GuaranteeError(
                f"{len(again)} of the {len(by_key)} judged queries, such as {again[0]!r}, are "
                f"those that {name!r} was fitted on. It does better on them than on new ones, so "
                "the promise would be false; judge others, or split them before fitting"
            )
    return {key: by_key[key] for key in sorted(by_key)}


def unchecked_calibrators(stage: Stage) -> list[str]:
    """Names of the calibrators that do not know their queries."""
    calibrators = (s for s in _all_stages(stage) if isinstance(s, CalibrationStage))
    return [s.name for s in calibrators if not s.queries]


def _fitted_stages(stage: Stage) -> Iterator[tuple[str, frozenset[str]]]:
    for part in _all_stages(stage):
        queries: Sequence[str] = getattr(part, "queries", ())
        if queries:
            yield part.name, frozenset(queries)


def _all_stages(stage: Stage) -> Iterator[Stage]:
    """The stage and all stages that it is made of, at any depth."""
    yield stage
    for value in getattr(stage, "__dict__", {}).values():
        for item in value if isinstance(value, list | tuple) else (value,):
            if isinstance(item, Stage):
                yield from _all_stages(item)
