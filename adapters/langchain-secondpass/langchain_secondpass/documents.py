"""LangChain's documents in, a ranking; a ranking in, LangChain's documents."""

from __future__ import annotations

from collections.abc import Iterable

from langchain_core.documents import Document

from secondpass import Candidate, InvalidInputError, Ranking
from secondpass.core.ranking_details import METADATA_KEY, metadata_details

SCORE = "relevance_score"
"""Where LangChain's rerankers put their score. Any such key that came in is an older one's."""


def ranking_of(query: str, documents: Iterable[Document]) -> Ranking:
    """The documents in their order, nothing scored yet.

    Ids are positions, so that equal texts, and equal or missing `Document.id`, stay apart.

    Raises:
        InvalidInputError: Empty query, or something that is not a `Document`.
    """
    candidates = []
    for position, document in enumerate(documents):
        if not isinstance(document, Document):
            raise InvalidInputError(
                f"document {position} is {type(document).__name__} {document!r:.80}; "
                "pass Document(page_content=text)"
            )
        text, metadata = document.page_content, document.metadata
        candidates.append(
            Candidate(str(position), text, metadata, payload=document, position=position)
        )
    return Ranking.of(query, candidates)


def documents_of(ranking: Ranking) -> list[Document]:
    """Copies of the documents, best first, with the details of each in its metadata."""
    return [_document_of(ranking, rank) for rank in range(len(ranking))]


def _document_of(ranking: Ranking, rank: int) -> Document:
    candidate = ranking[rank]
    document: Document = candidate.payload
    metadata = {k: v for k, v in document.metadata.items() if k != SCORE}
    if candidate.score is not None:
        metadata[SCORE] = float(candidate.score)
    metadata[METADATA_KEY] = metadata_details(ranking, rank, metadata)
    return document.model_copy(update={"metadata": metadata})
