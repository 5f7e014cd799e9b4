"""Labelled queries, from code or from a file."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from secondpass.candidate import Candidate
from secondpass.errors import InvalidInputError
from secondpass.ranking import Ranking


@dataclass(frozen=True, slots=True)
class Judged:
    """One query whose relevant candidates are known. The query, not the document, is the sample.

    Attributes:
        ranking: The query and its candidates.
        relevant: Ids of the relevant ones; all others are taken as not relevant.
    """

    ranking: Ranking
    relevant: frozenset[str]

    def __post_init__(self) -> None:
        unknown = sorted(self.relevant - set(self.ranking.ids))
        if unknown:
            raise InvalidInputError(
                f"relevant ids that are not among the candidates of {self.ranking.query!r}: "
                f"{', '.join(unknown[:5])}"
            )

    @classmethod
    def of(cls, query: str, docs: Iterable[str | Candidate], relevant: Collection[str]) -> Judged:
        """A query, its documents, and the ids of the relevant ones ("0", "1", ... for texts)."""
        return cls(Ranking.of(query, docs), frozenset(relevant))


def read_judged(path: str | os.PathLike[str]) -> list[Judged]:
    """Labelled queries from a JSONL file.

    One query a line: ``{"query": "...", "texts": ["...", ...], "labels": [1, 0, ...]}``, labels
    0 or 1, or true and false. Empty lines are skipped.

    Raises:
        InvalidInputError: No such file, or a line that does not fit; names the line.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"cannot read the judged queries in {path}: {error}") from error
    judged: list[Judged] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            query, texts, labels = row["query"], row["texts"], row["labels"]
            if len(texts) != len(labels):
                raise InvalidInputError(f"{len(texts)} texts and {len(labels)} labels")
            if any(label not in (0, 1) for label in labels):
                raise InvalidInputError(f"labels must be 0 or 1, got {labels}")
            relevant = [str(i) for i, label in enumerate(labels) if label]
            judged.append(Judged.of(query, texts, relevant))
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInputError(
                f"{path}, line {number}: {type(error).__name__}: {error}. Expected "
                '{"query": "...", "texts": [...], "labels": [1, 0, ...]}'
            ) from error
    if not judged:
        raise InvalidInputError(f"{path} holds no judged query")
    return judged
