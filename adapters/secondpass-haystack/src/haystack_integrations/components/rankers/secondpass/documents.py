"""Haystack's documents in, a ranking; a ranking in, Haystack's documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from haystack import Document

from secondpass import Candidate, InvalidInputError, Ranking
from secondpass.core.ranking_details import METADATA_KEY, RETRIEVER, metadata_details


def ranking_of(
    query: str, documents: Iterable[Document], fields: Sequence[str], separator: str
) -> Ranking:
    """The documents in their order, with the retriever's scores in the trail, nothing scored yet.

    Ids are positions, since two documents may share an id. The same document from two retrievers
    is kept once, and an event says so.

    Args:
        query: What was asked.
        documents: In the retriever's order; never changed.
        fields: Of the metadata, which the model reads in front of the text.
        separator: Between them.

    Raises:
        InvalidInputError: Empty query, or something that is not a `Document`.
    """
    candidates = []
    for position, document in enumerate(documents):
        if not isinstance(document, Document):
            raise InvalidInputError(
                f"document {position} is {type(document).__name__} {document!r:.80}; "
                "pass Document(content=text)"
            )
        text = text_of(document, fields, separator)
        candidates.append(Candidate(str(position), text, document.meta, document.score, document))
    return _each_once(Ranking.of(query, candidates))


def text_of(document: Document, fields: Sequence[str], separator: str) -> str:
    """What the model reads: the fields that the document has, and its content.

    0 and False are values; only None and "" are none.
    """
    values = [document.meta.get(field) for field in fields]
    return separator.join(
        [*(str(v) for v in values if v not in (None, "")), document.content or ""]
    )


def documents_of(ranking: Ranking) -> list[Document]:
    """Copies of the documents, best first, with the details of each in its metadata."""
    return [_document_of(ranking, rank) for rank in range(len(ranking))]


def _document_of(ranking: Ranking, rank: int) -> Document:
    candidate = ranking[rank]
    document: Document = candidate.payload
    details = metadata_details(ranking, rank, document.meta)
    score = None if candidate.score is None else float(candidate.score)
    return replace(document, score=score, meta={**document.meta, METADATA_KEY: details})


def _each_once(ranking: Ranking) -> Ranking:
    """Of the same document, by id and content, the one that the retriever scored highest.

    Haystack's retrievers are joined by concatenation as well as by fusion, and ids are hashes of
    the content unless the user set them, so one text in the list twice is the rule with two
    retrievers. Documents that only share an id are two.
    """
    best: dict[tuple[str, str | None], Candidate] = {}
    for candidate in ranking:
        document: Document = candidate.payload
        key = (document.id, document.content)
        if key not in best or _retrieved(document) > _retrieved(best[key].payload):
            best[key] = candidate
    again = len(ranking) - len(best)
    if not again:
        return ranking
    message = f"{again} of {len(ranking)} documents came more than once, and were kept once"
    once = replace(ranking, candidates=tuple(best.values()))
    return once.with_event(RETRIEVER, "repeated", message)


def _retrieved(document: Document) -> float:
    return float("-inf") if document.score is None else document.score
