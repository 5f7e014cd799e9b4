"""Why a document has its score: its sentences by themselves, and what each stage made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from secondpass.core.candidate import Candidate
from secondpass.core.ranking import Ranking
from secondpass.core.ranking_details import json_value
from secondpass.core.stage import Stage
from secondpass.stages.evidence import sentences_of

SENTENCES = 100
"""Sentences that are read at most; the first."""


@dataclass(frozen=True, slots=True)
class DocumentExplained:
    """What was found out.

    Attributes:
        ranking: Of this document alone; empty if the stage drops it, and its events say why.
        sentences: Most relevant first: ``text``, ``start`` and ``end`` (code points), ``score``.
            Empty for a document of one sentence, and where the stage only orders.
        stages: ``stage``, ``rank``, ``score`` and ``notes`` of each.
    """

    ranking: Ranking
    sentences: list[dict[str, Any]]
    stages: list[dict[str, Any]]


async def explain_document(stage: Stage, query: str, document: str) -> DocumentExplained:
    """Explain one document's score.

    Args:
        stage: What scores.
        query: What was asked.
        document: The text.

    Raises:
        InvalidInputError: An empty query, or a document that is no string.
        SecondPassError: What running the stage may raise.
    """
    alone = Ranking.of(query, [document])
    spans = sentences_of(alone[0], "en")[:SENTENCES]
    parts = [Candidate(str(i), document[start:end]) for i, (start, end) in enumerate(spans)]
    inputs = [alone, Ranking.of(query, parts)] if len(parts) > 1 else [alone]
    whole, *split = await stage.arun(inputs)
    sentences: list[dict[str, Any]] = [
        {
            "text": c.text,
            "start": spans[int(c.id)][0],
            "end": spans[int(c.id)][1],
            "score": c.score,
        }
        for ranking in split
        for c in ranking
        if c.score is not None
    ]
    trail = whole[0].trail if len(whole) else ()
    stages = [
        {"stage": m.stage, "rank": m.rank, "score": m.score, "notes": json_value(m.note)}
        for m in trail
    ]
    return DocumentExplained(whole, sentences, stages)
