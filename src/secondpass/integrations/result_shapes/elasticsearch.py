"""Elasticsearch and OpenSearch: hits in hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from secondpass.core.candidate import Candidate
from secondpass.core.ranking import Ranking
from secondpass.integrations.result_shapes.shape import (
    FieldOrFunction,
    details_at,
    id_in,
    text_in,
)

_REMEDY = 'name the field, such as text="passage"; if hits have no _source, ask for it'


class Elasticsearch:
    """The response of `search`, as the client gives it or as JSON."""

    def fits(self, result: Any) -> bool:
        hits = _body(result).get("hits") if isinstance(_body(result), Mapping) else None
        return isinstance(hits, Mapping) and isinstance(hits.get("hits"), list)

    def sizes(self, result: Any) -> list[int]:
        return [len(_body(result)["hits"]["hits"])]

    def lists(
        self, result: Any, text: FieldOrFunction, id: FieldOrFunction
    ) -> list[list[Candidate]]:
        candidates = []
        for i, hit in enumerate(_body(result)["hits"]["hits"]):
            fields = {**_singles(hit.get("fields") or {}), **(hit.get("_source") or {})}
            score = hit.get("_score")
            candidates.append(
                Candidate(
                    id_in(fields, id, hit["_id"]),
                    text_in(fields, text, i, _REMEDY),
                    fields,
                    None
                    if score is None
                    else float(score),  # null where hits are sorted by a field
                    payload=hit,
                )
            )
        return [candidates]

    def rebuilt(self, result: Any, rankings: Sequence[Ranking]) -> Any:
        (ranking,), body = rankings, _body(result)
        hits = body["hits"]["hits"]
        made = [
            {**hits[i], **details_at(ranking, rank, hits[i])}
            for rank, i in enumerate(ranking.indices)
        ]
        return {**body, "hits": {**body["hits"], "hits": made}}


def _body(result: Any) -> Any:
    return getattr(result, "body", result)


def _singles(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Every field is a list there; one value is meant."""
    return {
        name: values[0] if isinstance(values, list) and len(values) == 1 else values
        for name, values in fields.items()
    }
