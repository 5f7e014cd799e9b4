"""Qdrant: points with a payload, in a response or in a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from secondpass.core.candidate import Candidate
from secondpass.core.ranking import Ranking
from secondpass.integrations.result_shapes.shape import (
    FieldOrFunction,
    details_at,
    id_in,
    text_in,
)

_REMEDY = "ask Qdrant for it, with_payload=True, and name the field: text="


class Qdrant:
    """What `query_points` returns, its points, and those of `scroll`."""

    def fits(self, result: Any) -> bool:
        if hasattr(result, "points"):
            return isinstance(result.points, list)
        points = result if isinstance(result, list) else []
        return bool(points) and all(hasattr(p, "payload") and hasattr(p, "id") for p in points)

    def sizes(self, result: Any) -> list[int]:
        return [len(_points(result))]

    def lists(
        self, result: Any, text: FieldOrFunction, id: FieldOrFunction
    ) -> list[list[Candidate]]:
        candidates = []
        for i, point in enumerate(_points(result)):
            payload = dict(point.payload or {})
            score = getattr(point, "score", None)
            candidates.append(
                Candidate(
                    id_in(payload, id, point.id),
                    text_in(payload, text, i, _REMEDY),
                    payload,
                    None if score is None else float(score),
                    payload=point,
                )
            )
        return [candidates]

    def rebuilt(self, result: Any, rankings: Sequence[Ranking]) -> Any:
        (ranking,), points = rankings, _points(result)
        made = []
        for rank, i in enumerate(ranking.indices):
            payload = dict(points[i].payload or {})
            payload |= details_at(ranking, rank, payload)
            made.append(points[i].model_copy(update={"payload": payload}))
        return result.model_copy(update={"points": made}) if hasattr(result, "points") else made


def _points(result: Any) -> list[Any]:
    points: list[Any] = result.points if hasattr(result, "points") else result
    return points
