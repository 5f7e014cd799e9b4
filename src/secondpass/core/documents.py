"""Documents as callers pass them, made into candidates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace

from secondpass.core.candidate import Candidate, Mark
from secondpass.core.errors import InvalidInputError, shown


def candidates_of(docs: Iterable[str | Candidate], source: str) -> tuple[Candidate, ...]:
    """A candidate for each document, which knows its position.

    Args:
        docs: See `Ranking.of`.
        source: The name under which a score that a candidate comes with is kept in its trail.

    Raises:
        InvalidInputError: Not an ordered collection of texts or candidates.
    """
    _check_collection(docs)
    return tuple(_candidate(position, doc, source) for position, doc in enumerate(docs))


def _candidate(position: int, doc: object, source: str) -> Candidate:
    if isinstance(doc, str):
        return Candidate(str(position), doc, position=position)
    if not isinstance(doc, Candidate):
        raise InvalidInputError(
            f"document {position} is {shown(doc)}; pass a string, or "
            "Candidate(id, text, payload=your_object)"
        )
    if doc.score is not None:
        mark = Mark(source, position, float(doc.score))
        return replace(doc, score=None, trail=(*doc.trail, mark), position=position)
    return doc if doc.position == position else replace(doc, position=position)


def _check_collection(docs: object) -> None:
    kind, remedy = type(docs).__name__, None
    if docs is None:
        kind, remedy = "None", "pass a list of texts; an empty one is a legal question"
    elif isinstance(docs, str):
        kind, remedy = "one string", "pass a list of texts, such as [text]"
    elif isinstance(docs, bytes | bytearray | memoryview):
        remedy = 'pass a list of texts, such as [data.decode("utf-8")]'
    elif isinstance(docs, Candidate):
        kind, remedy = "one Candidate", "pass a list of them, such as [candidate]"
    elif isinstance(docs, Mapping):
        remedy = (
            "pass list(docs.values()), or keep the keys as ids: "
            "[Candidate(str(key), text) for key, text in docs.items()]"
        )
    elif isinstance(docs, Set):
        remedy = "which has no order, and equal scores keep the order given; pass sorted(docs)"
    elif hasattr(docs, "columns"):  # a table of pandas, polars, pyarrow, ...
        remedy = 'pass the texts of one column, such as docs["text"].tolist()'
    elif not isinstance(docs, Iterable):
        kind, remedy = shown(docs), "pass a list of texts"
    if remedy is not None:
        raise InvalidInputError(f"docs is {kind}: {remedy}")
