"""Chroma: a dict of lists, a list for each query inside, or flat lists from `get`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError
from secondpass.core.ranking import Ranking
from secondpass.integrations.result_shapes.shape import (
    FieldOrFunction,
    details_at,
    id_in,
    text_in,
)

_COLUMNS = ("ids", "documents", "metadatas", "distances", "embeddings", "uris", "data")
_REMEDY = 'ask Chroma for them: include=["documents", "metadatas", "distances"]'


class Chroma:
    """What `collection.query` and `collection.get` return."""

    def fits(self, result: Any) -> bool:
        return isinstance(result, Mapping) and "ids" in result and "documents" in result

    def sizes(self, result: Any) -> list[int]:
        return [len(ids) for ids in _nested(result, "ids")]

    def lists(
        self, result: Any, text: FieldOrFunction, id: FieldOrFunction
    ) -> list[list[Candidate]]:
        if result["documents"] is None:
            raise InvalidInputError(f"the result has no documents; {_REMEDY}")
        columns = [_nested(result, name) for name in ("ids", "documents", "metadatas", "distances")]
        lists = []
        for ids, documents, metadatas, distances in zip(*columns, strict=True):
            candidates = []
            for i, own in enumerate(ids):
                metadata = dict(metadatas[i] or {}) if metadatas else {}
                fields = {**metadata, "document": documents[i]}
                candidates.append(
                    Candidate(
                        id_in(fields, id, own),
                        text_in(fields, text or "document", i, _REMEDY),
                        metadata,
                        -float(distances[i]) if distances else None,
                        payload=own,
                    )
                )
            lists.append(candidates)
        return lists

    def rebuilt(self, result: Any, rankings: Sequence[Ranking]) -> Any:
        made = dict(result)
        is_flat = _is_flat(result)
        for name in _COLUMNS:
            if result.get(name) is not None and name != "metadatas":
                lists = [
                    [own[i] for i in ranking.indices]
                    for own, ranking in zip(_nested(result, name), rankings, strict=True)
                ]
                made[name] = lists[0] if is_flat else lists
        metadatas = [
            [_with_details(own, i, ranking, rank) for rank, i in enumerate(ranking.indices)]
            for own, ranking in zip(_nested(result, "metadatas"), rankings, strict=True)
        ]
        made["metadatas"] = metadatas[0] if is_flat else metadatas
        return made


def _with_details(
    metadatas: Sequence[Any] | None, index: int, ranking: Ranking, rank: int
) -> dict[str, Any]:
    metadata = dict(metadatas[index] or {}) if metadatas else {}
    return metadata | details_at(ranking, rank, metadata)


def _is_flat(result: Mapping[str, Any]) -> bool:
    return not (result["ids"] and isinstance(result["ids"][0], list | tuple)) and (
        bool(result["ids"]) or "distances" not in result
    )


def _nested(result: Mapping[str, Any], name: str) -> Any:
    """The column as a list for each query; of a column that is not there, Nones."""
    column = result.get(name)
    if column is None:
        return [None] * (1 if _is_flat(result) else len(result["ids"]))
    return [column] if _is_flat(result) else column
