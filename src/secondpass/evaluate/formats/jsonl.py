"""Collections from one JSONL file of queries, texts and labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError
from secondpass.core.jsonl import PathLike, line_name, read_rows
from secondpass.core.ranking import Ranking
from secondpass.evaluate.collection import Collection, Topic


def read_jsonl(
    path: PathLike, *, depth: int | None = None, relevant_from: int = 1, name: str | None = None
) -> Collection:
    """A collection from a JSONL file, the format of `read_judged` with grades allowed.

    One query per line: ``{"query": "...", "texts": ["...", ...], "labels": [2, 0, ...]}``, texts
    in the first stage's order, labels whole numbers or true and false; optionally ``"id"`` and
    ``"ids"`` (of the texts). Every text is judged, so documents that the first stage missed are
    unknown here, and its recall is 1 by construction.

    Args:
        path: May end in .gz.
        depth: Candidates of each query; all if None. Those below stay judged and count as missed.
        relevant_from: See `Collection`.
        name: For tables; the file's name if None.

    Raises:
        InvalidInputError: A line that does not fit; names file and line.
    """
    topics: list[Topic] = []
    for number, row in read_objects(path):
        try:
            topics.append(_topic(row, number, depth))
        except (InvalidInputError, KeyError, TypeError) as error:
            message = f"no field {error}" if isinstance(error, KeyError) else str(error)
            raise InvalidInputError(
                f'{line_name(path, number)}: {message}. Expected {{"query": "...", "texts": [...], '
                '"labels": [1, 0, ...]}'
            ) from error
    notes = ["every candidate is judged, and no other document is known"]
    copies = len(topics) - len({t.ranking.query for t in topics})
    if copies:
        notes.append(
            f"{copies} of {len(topics)} queries repeat the text of another; each counts as a "
            "separate sample, so intervals are too narrow"
        )
    return Collection(name or Path(path).name, tuple(topics), relevant_from, tuple(notes))


def _topic(row: Mapping[str, Any], number: int, depth: int | None) -> Topic:
    query, texts, labels = row["query"], row["texts"], row["labels"]
    ids = [str(id) for id in row.get("ids", range(len(texts)))]
    if not isinstance(texts, list) or not len(texts) == len(labels) == len(ids):
        raise InvalidInputError(f"{len(texts)} texts, {len(labels)} labels and {len(ids)} ids")
    wrong = [label for label in labels if not isinstance(label, int) or label < 0]
    if wrong:
        raise InvalidInputError(f"labels are whole numbers of 0 or more; got {wrong[0]!r}")
    docs = [Candidate(id, text) for id, text in zip(ids, texts, strict=True)]
    ranking = Ranking.of(query, docs)
    grades = {id: int(label) for id, label in zip(ids, labels, strict=True)}
    return Topic(str(row.get("id", number)), ranking.head(depth or len(docs)), grades)


def read_objects(path: PathLike) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Number (from 1) and JSON object of each line of a file that is not empty.

    Raises:
        InvalidInputError: See `secondpass.core.jsonl.read_rows`; or a line that holds anything
            but an object.
    """
    for number, row in read_rows(path, may_be_empty=False):
        if not isinstance(row, dict):
            raise InvalidInputError(f"{line_name(path, number)} is not a JSON object")
        yield number, row
