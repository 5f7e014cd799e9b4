"""TREC's two file formats: runs and judgements."""

from __future__ import annotations

import math
from collections.abc import Collection as Container
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError
from secondpass.core.jsonl import PathLike, line_name, read_lines
from secondpass.core.printing import short_repr
from secondpass.evaluate.collection import Collection, build_collection


class RunEntry(NamedTuple):
    """One document of a run."""

    doc: str
    score: float
    line: int


@short_repr
class Run(NamedTuple):
    """A first stage's results.

    Attributes:
        lists: For each query the documents found, best first.
        ignored: Number of lines that belong to queries other than those wanted.
    """

    lists: dict[str, list[RunEntry]]
    ignored: int


def read_run(path: PathLike, depth: int = 1000, queries: Container[str] | None = None) -> Run:
    """A TREC run: ``query Q0 document rank score tag``, separated by blanks.

    As in trec_eval the score decides, not the rank column, and equal scores are ordered by
    document id, descending. The file is streamed and `depth` documents of each query are kept,
    so that millions of lines need little memory.

    Args:
        path: May end in .gz.
        depth: Documents of each query to keep.
        queries: Ids to keep; all if None.

    Raises:
        InvalidInputError: A line that does not fit, or a document twice in the kept part of a
            query's list; names file and line.
    """
    kept: dict[str, list[RunEntry]] = {}
    ignored = 0
    for number, line in read_lines(path, may_be_empty=False):
        fields = line.split()
        if len(fields) not in (5, 6):
            raise InvalidInputError(
                f"{line_name(path, number)} has {len(fields)} fields; a run has 'query Q0 document "
                "rank score tag'"
            )
        query, doc = fields[0], fields[2]
        if queries is not None and query not in queries:
            ignored += 1
            continue
        try:
            score = float(fields[4])
        except ValueError:
            score = math.nan
        if not math.isfinite(score):
            raise InvalidInputError(
                f"{line_name(path, number)}: the score {fields[4]!r} is not a finite "
                "number; a run has 'query Q0 document rank score tag'"
            )
        entries = kept.setdefault(query, [])
        entries.append(RunEntry(doc, score, number))
        if len(entries) >= 4 * depth:  # so that a long list is not sorted at every line
            kept[query] = _best(path, query, entries, depth)
    return Run({q: _best(path, q, entries, depth) for q, entries in kept.items()}, ignored)


def _best(path: PathLike, query: str, entries: list[RunEntry], depth: int) -> list[RunEntry]:
    first: dict[str, int] = {}
    for doc, _, line in entries:
        if doc in first:
            raise InvalidInputError(
                f"{line_name(path, line)}: the query {query!r} has the document {doc!r} already in "
                f"line {first[doc]}; a run lists each once"
            )
        first[doc] = line
    by_id = sorted(entries, key=lambda entry: entry.doc, reverse=True)
    return sorted(by_id, key=lambda entry: -entry.score)[:depth]


def read_qrels(path: PathLike) -> dict[str, dict[str, int]]:
    """Judgements in TREC's format or in BEIR's, recognised by the columns.

    TREC: ``query 0 document grade``, separated by blanks. BEIR: ``query-id corpus-id score``,
    separated by tabs, with or without that header.

    Raises:
        InvalidInputError: A line that does not fit, or a document judged twice with different
            grades; names file and line.
    """
    qrels: dict[str, dict[str, int]] = {}
    for number, line in read_lines(path, may_be_empty=False):
        fields = line.rstrip("\r\n").split("\t")
        if len(fields) != 3:
            fields = line.split()
        if len(fields) == 4:
            del fields[1]
        if len(fields) != 3:
            raise InvalidInputError(
                f"{line_name(path, number)} has {len(fields)} fields; judgements have 'query 0 "
                "document grade' or, with tabs, 'query-id corpus-id score'"
            )
        query, doc, value = fields
        try:
            grade = int(value)
        except ValueError:
            if not qrels and value.strip().lower() in ("score", "grade", "relevance", "label"):
                continue
            raise InvalidInputError(
                f"{line_name(path, number)}: the grade {value!r} is not a whole number; judgements "
                "have 'query 0 document grade', with grade 0 for what is not relevant"
            ) from None
        if qrels.setdefault(query, {}).setdefault(doc, grade) != grade:
            raise InvalidInputError(
                f"{line_name(path, number)}: the document {doc!r} of query {query!r} has the grade "
                f"{grade} here and {qrels[query][doc]} before"
            )
    if not qrels:
        raise InvalidInputError(f"{path} holds no judgements")
    return qrels


def read_trec(
    run: PathLike,
    qrels: PathLike,
    queries: Mapping[str, str],
    texts: Mapping[str, str],
    *,
    depth: int = 100,
    relevant_from: int = 1,
    name: str | None = None,
) -> Collection:
    """A collection from a run file, a judgement file, and texts from anywhere.

    Args:
        run: See `read_run`.
        qrels: See `read_qrels`.
        queries: Texts of the queries by id.
        texts: Texts of the documents by id, at least of the first `depth` of each query.
        depth: Candidates of each query.
        relevant_from: See `Collection`.
        name: For tables; the run file's name if None.

    Raises:
        InvalidInputError: Files that do not fit, or a candidate without a text.
    """
    judged = read_qrels(qrels)
    results = read_run(run, depth, queries.keys() & judged.keys())
    notes = [f"{results.ignored} lines of {run} belong to other queries"] if results.ignored else []
    return build_collection(
        name or Path(run).name,
        queries,
        judged,
        candidates_of_run(results, texts, str(run)),
        relevant_from=relevant_from,
        notes=notes,
        source=Path(run).name,
    )


def candidates_of_run(run: Run, texts: Mapping[str, str], file: str) -> dict[str, list[Candidate]]:
    """The run's documents as candidates, with the first stage's scores.

    Args:
        run: See `read_run`.
        texts: By document id.
        file: The run's file, for the error.

    Raises:
        InvalidInputError: A document has no text.
    """
    missing = [e for entries in run.lists.values() for e in entries if e.doc not in texts]
    if missing:
        raise InvalidInputError(
            f"{len(missing)} candidates have no text, such as {missing[0].doc!r} ({file}, line "
            f"{missing[0].line}), and a reranker reads texts; give all texts, or a smaller depth"
        )
    return {
        q: [Candidate(e.doc, texts[e.doc], score=e.score) for e in entries]
        for q, entries in run.lists.items()
    }
