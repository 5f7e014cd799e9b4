"""``POST /rank``: everything that a ranking knows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from secondpass.core.candidate import Candidate
from secondpass.core.ranking import Ranking
from secondpass.core.ranking_details import json_value
from secondpass.core.stage import Stage
from secondpass.serve.asking import Service, status_headers
from secondpass.serve.bodies import OwnDocument, RankBody
from secondpass.stages.cut import Top
from secondpass.stages.threshold import Threshold

router = APIRouter(tags=["secondpass"])


@router.post("/rank")
async def rank(body: RankBody, request: Request, response: Response) -> dict[str, Any]:
    """Rerank documents: order, scores and what they mean, probabilities, evidence, events.

    `deadline_ms` or the header ``Secondpass-Deadline-Ms`` limits the time; what was not scored by
    then stands below the rest, and `status` is "partial".
    """
    service: Service = request.app.state.service
    served = service.served(body.recipe)
    began = time.monotonic()
    before = Ranking.of(body.query, _candidates(body.documents))
    then: list[Stage] = []
    if body.threshold is not None:
        then.append(Threshold(body.threshold))
    if body.top_k is not None:
        then.append(Top(body.top_k))
    (ranking,) = await service.rank(request, served, [before], then=then, deadline=body.deadline_ms)
    response.headers.update(status_headers(ranking))
    details = ranking.to_dict()
    for candidate, plain in zip(ranking, details["candidates"], strict=True):
        if not body.return_documents:
            del plain["text"], plain["metadata"]
        plain["trail"] = [
            {
                "stage": mark.stage, "rank": mark.rank, "score": json_value(mark.score),
                "scale": mark.scale, "note": json_value(mark.note),
            }
            for mark in candidate.trail
        ]  # fmt: skip
    return {
        "recipe": served.name,
        "model": served.model,
        **details,
        "seconds": round(time.monotonic() - began, 6),
    }


def _candidates(documents: Sequence[str | OwnDocument]) -> list[str | Candidate]:
    return [
        doc
        if isinstance(doc, str)
        else Candidate(str(i) if doc.id is None else doc.id, doc.text, doc.metadata, doc.score)
        for i, doc in enumerate(documents)
    ]
