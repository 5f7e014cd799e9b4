"""LangChain's documents in, a ranking; a ranking in, LangChain's documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.documents import Document

from secondpass import Candidate, InvalidInputError, Ranking

SCORE = "relevance_score"
"""Where LangChain's rerankers put their score. Any such key that came in is an older one's."""
DETAILS = "secondpass"
"""Where everything else goes, under one key, so that it meets no key of the caller's."""


def ranking_of(query: str, documents: Iterable[Document]) -> Ranking:
    """The documents in their order, nothing scored yet.

    Ids are places, so that equal texts, and equal or missing `Document.id`, stay apart.

    Raises:
        InvalidInputError: Empty query, or something that is no `Document`.
    """
    candidates = []
    for place, document in enumerate(documents):
        if not isinstance(document, Document):
            raise InvalidInputError(
                f"document {place} is {type(document).__name__} {document!r:.80}; "
                "pass Document(page_content=text)"
            )
        candidates.append(
            Candidate(str(place), document.page_content, document.metadata, payload=document)
        )
    return Ranking.of(query, candidates)


def documents_of(ranking: Ranking) -> list[Document]:
    """Copies of the documents, best first, saying in their metadata what was found out."""
    events = events_of(ranking)
    return [_told(candidate, rank, ranking.scale, events) for rank, candidate in enumerate(ranking)]


def events_of(ranking: Ranking) -> list[dict[str, str]]:
    """What happened to the ranking as a whole, as plain JSON."""
    return [{"stage": e.stage, "kind": e.kind, "message": e.message} for e in ranking.events]


def _told(candidate: Candidate, rank: int, scale: str, events: list[dict[str, str]]) -> Document:
    document: Document = candidate.payload
    metadata = {k: v for k, v in document.metadata.items() if k != SCORE}
    if candidate.score is not None:
        metadata[SCORE] = float(candidate.score)
    details: dict[str, Any] = {"rank": rank, "retrieval_rank": int(candidate.id), "scale": scale}
    notes = {mark.stage: _plain(mark.note) for mark in candidate.trail if mark.note}
    if notes:
        details["notes"] = notes
    if events:
        details["events"] = [dict(e) for e in events]  # no two documents share what we write
    metadata[DETAILS] = details
    return document.model_copy(update={"metadata": metadata})


def _plain(value: Any) -> Any:
    """JSON values only: numpy's numbers break LangGraph's checkpoints and `model_dump_json`."""
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float, str):  # their subclasses too, numpy.float64 among them
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(v) for v in value]
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return _plain(value.tolist())
    return str(value)
