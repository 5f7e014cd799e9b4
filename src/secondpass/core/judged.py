"""Labelled queries, from code or from a file, and what is fitted to them."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar

from secondpass.core.call_hints import hint_keywords
from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError, WrongCallError, shown
from secondpass.core.jsonl import line_name, read_rows
from secondpass.core.printing import short_repr
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Pipeline, not_a_stage

E = TypeVar("E")


@short_repr
@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """One query whose relevant candidates are known. The query, not the document, is the sample.

    Attributes:
        ranking: The query and its candidates.
        relevant: Ids of the relevant ones; all others are taken as not relevant.
    """

    ranking: Ranking
    relevant: frozenset[str]

    def __post_init__(self) -> None:
        odd = self.relevant if isinstance(self.relevant, str) else None
        odd = odd or next((id for id in self.relevant if not isinstance(id, str)), None)
        if odd is not None:
            raise InvalidInputError(
                f"relevant ids of {self.ranking.query!r}: got {shown(odd)}; give a list of the "
                'candidates\' ids, which are strings ("0", "1", ... for texts)'
            )
        unknown = sorted(self.relevant - set(self.ranking.ids))
        if unknown:
            raise InvalidInputError(
                f"relevant ids that are not among the candidates of {self.ranking.query!r}: "
                f"{', '.join(unknown[:5])}; leave out what the first stage missed"
            )

    @classmethod
    @hint_keywords()
    def of(
        cls, query: str, docs: Iterable[str | Candidate], relevant: Collection[str]
    ) -> JudgedQuery:
        """A query, its documents, and the ids of the relevant ones ("0", "1", ... for texts)."""
        ids = relevant if isinstance(relevant, str) else frozenset(relevant)
        return cls(Ranking.of(query, docs), ids)  # type: ignore[arg-type]


def read_judged(path: str | os.PathLike[str]) -> list[JudgedQuery]:
    """Labelled queries from a JSONL file.

    One query per line: ``{"query": "...", "texts": ["...", ...], "labels": [1, 0, ...]}``, labels
    0 or 1, or true and false. Empty lines are skipped.

    Raises:
        InvalidInputError: No such file, or a line that does not fit; names the line.
    """
    judged: list[JudgedQuery] = []
    for number, row in read_rows(path):
        try:
            judged.append(_judged(row))
        except (InvalidInputError, KeyError, TypeError) as error:
            message = f"no field {error}" if isinstance(error, KeyError) else str(error)
            raise InvalidInputError(
                f"{line_name(path, number)}: {message}. Expected "
                '{"query": "...", "texts": [...], "labels": [1, 0, ...]}'
            ) from error
    if not judged:
        raise InvalidInputError(f"{path} holds no judged query")
    return judged


def _judged(row: Any) -> JudgedQuery:
    if not isinstance(row, dict):
        raise InvalidInputError("not a JSON object")
    query, texts, labels = row["query"], row["texts"], row["labels"]
    if not isinstance(texts, list) or not isinstance(labels, list) or len(texts) != len(labels):
        raise InvalidInputError(
            f"texts and labels must be lists of one length, got {len(texts)} and {len(labels)}"
        )
    odd = [label for label in labels if label not in (0, 1)]
    if odd:
        raise InvalidInputError(
            f"labels must be 0 or 1, got {odd[0]!r}; grades are read by "
            "evaluate.read_jsonl(path, relevant_from=2).judged()"
        )
    return JudgedQuery.of(query, texts, [str(i) for i, label in enumerate(labels) if label])


def judged_list(judged: Iterable[JudgedQuery]) -> list[JudgedQuery]:
    """Labelled queries as a list, each of them checked.

    Raises:
        InvalidInputError: Something else among them.
    """
    queries = list(judged) if isinstance(judged, Iterable) else [judged]
    for one in queries:
        if not isinstance(one, JudgedQuery):
            raise InvalidInputError(
                f"labelled queries are a list of JudgedQuery; a {type(one).__name__} is not one; "
                "make one with JudgedQuery.of(query, docs, relevant), or read_judged(path), or "
                "collection.judged()"
            )
    return queries


def plain_query(query: str) -> str:
    """A query as it is compared: its Unicode form (NFKC), case and spacing do not matter."""
    return " ".join(unicodedata.normalize("NFKC", query).casefold().split())


def normalise_query(query: str) -> str:
    """16 hexadecimal digits that stand for a query, equal where `plain_query` is.

    Calibrators keep those of the queries that they were fitted on, so that a guarantee can refuse
    the same queries. A short digest hides no query from someone who can guess it.
    """
    return hashlib.sha256(plain_query(query).encode("utf-8", "surrogatepass")).hexdigest()[:16]


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted(Generic[E]):
    """What `calibrated`, `choose_threshold`, `guaranteed` and `learn_fusion` return. Print it.

    It is not a stage itself: `pipeline` is.

    Attributes:
        pipeline: Ready to run, to extend with `>>`, and to be written down as a recipe.
        evidence: What it was fitted on, and what is to be expected of it.
    """

    pipeline: Pipeline
    evidence: E

    def __str__(self) -> str:
        return f"{self.pipeline!r}\n{self.evidence}"

    def __rshift__(self, other: object) -> NoReturn:
        raise WrongCallError(not_a_stage(self))

    def __rrshift__(self, other: object) -> NoReturn:
        raise WrongCallError(not_a_stage(self))
