"""Queries with texts that answer them, and the file formats that training takes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from secondpass.calibrate import JudgedQuery, read_judged
from secondpass.core.errors import InvalidInputError
from secondpass.core.jsonl import line_name, read_rows
from secondpass.core.printing import short_repr


@short_repr
@dataclass(frozen=True, slots=True)
class QueryPairs:
    """A query and texts that are known to answer it; negatives are mined, where none are known.

    Attributes:
        query: The query.
        positives: Texts that answer it, at least one.
        negatives: Texts known not to answer it, such as results that users passed over.
    """

    query: str
    positives: tuple[str, ...]
    negatives: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.query, str) or not self.query.strip():
            raise InvalidInputError("the query must be a non-empty string")
        if not self.positives:
            raise InvalidInputError(f"no positive text for {self.query!r}")
        for text in (*self.positives, *self.negatives):
            if not isinstance(text, str):
                raise InvalidInputError(f"a text of {self.query!r} is {text!r}, not a string")
        both = set(self.positives) & set(self.negatives)
        if both:
            raise InvalidInputError(
                f"a text is both positive and negative for {self.query!r}: {min(both)[:60]!r}"
            )


def read_pairs(path: str | os.PathLike[str]) -> list[QueryPairs]:
    """Pairs from a JSONL file; lines with the same query become one.

    One object per line: ``{"query": "...", "positive": "..." or [...], "negatives": [...]}``, the
    negatives optional.

    Raises:
        InvalidInputError: No such file, or a line that does not fit; names the line.
    """
    merged: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for number, row in read_rows(path, may_be_empty=False):
        try:
            positives, negatives = _texts(row["positive"]), _texts(row.get("negatives", []))
            pair = QueryPairs(row["query"], positives, negatives)
        except (InvalidInputError, KeyError, TypeError) as error:
            problem = f"no field {error}" if isinstance(error, KeyError) else str(error)
            raise InvalidInputError(
                f"{line_name(path, number)}: {problem}. Expected "
                '{"query": "...", "positive": "...", "negatives": [...]}'
            ) from error
        all_positives, all_negatives = merged.setdefault(pair.query, ({}, {}))
        all_positives.update(dict.fromkeys(pair.positives))
        all_negatives.update(dict.fromkeys(pair.negatives))
    return [QueryPairs(query, tuple(p), tuple(n)) for query, (p, n) in merged.items()]


def read_training_data(path: str | os.PathLike[str]) -> list[JudgedQuery] | list[QueryPairs]:
    """Judged lists (`read_judged`) or pairs (`read_pairs`), whichever the first line looks like.

    Raises:
        InvalidInputError: No such file, empty, or a line that does not fit; names the line.
    """
    number, first = next(iter(read_rows(path, may_be_empty=False)))
    if isinstance(first, dict) and "texts" in first:
        return read_judged(path)
    if isinstance(first, dict) and "positive" in first:
        return read_pairs(path)
    raise InvalidInputError(
        f"{line_name(path, number)} is neither a judged list nor a pair. Expected "
        '{"query": "...", "texts": [...], "labels": [1, 0, ...]} or '
        '{"query": "...", "positive": "...", "negatives": [...]}'
    )


def _texts(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
