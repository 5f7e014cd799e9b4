"""Rows with named columns: of pgvector and any other SQL database, of LanceDB and DuckDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from secondpass.core.candidate import Candidate
from secondpass.core.ranking import Ranking
from secondpass.integrations.result_shapes.shape import (
    ID_FIELDS,
    FieldOrFunction,
    details_at,
    id_in,
    score_in,
    text_in,
)

_REMEDY = "select it, and name its column: text="


class Rows:
    """A list of dicts, named tuples, or rows that know their columns."""

    def fits(self, result: Any) -> bool:
        return isinstance(result, list | tuple) and all(_fields(r) is not None for r in result)

    def sizes(self, result: Any) -> list[int]:
        return [len(result)]

    def lists(
        self, result: Any, text: FieldOrFunction, id: FieldOrFunction
    ) -> list[list[Candidate]]:
        candidates = []
        for i, row in enumerate(result):
            fields = _fields(row) or {}
            own = next((fields[name] for name in ID_FIELDS if fields.get(name) is not None), i)
            candidates.append(
                Candidate(
                    id_in(fields, id, own),
                    text_in(fields, text, i, _REMEDY),
                    fields,
                    score_in(fields),
                    payload=row,
                )
            )
        return [candidates]

    def rebuilt(self, result: Any, rankings: Sequence[Ranking]) -> Any:
        (ranking,) = rankings
        rows = [_fields(result[i]) or {} for i in ranking.indices]
        return [{**row, **details_at(ranking, rank, row)} for rank, row in enumerate(rows)]


def _fields(row: Any) -> dict[str, Any] | None:
    """The columns of a row by name; None if they have none."""
    if isinstance(row, Mapping):
        return {str(key): value for key, value in row.items()}
    if hasattr(row, "_mapping"):  # SQLAlchemy
        return {str(key): value for key, value in row._mapping.items()}
    if hasattr(row, "_asdict"):  # named tuples
        return dict(row._asdict())
    if hasattr(row, "keys") and hasattr(row, "__getitem__"):  # sqlite3, asyncpg
        return {str(key): row[key] for key in row.keys()}  # noqa: SIM118 - a row is no mapping
    return None
