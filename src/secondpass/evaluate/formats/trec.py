"""TREC's two file formats: runs and judgements."""

from __future__ import annotations

import math
from collections.abc import Collection as Container
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError
from secondpass.core.short_repr import short_repr
from secondpass.evaluate.collection import Collection
from secondpass.evaluate.collection_builder import collected
from secondpass.evaluate.formats.lines import PathLike, lines


class RunEntry(NamedTuple):
    """One document of a run."""

    doc: str
    score: float
    line: int


@short_repr
class Run(NamedTuple):
    """A first stage's lists.

    Attributes:
        lists: For each query the documents it found, best first.
        ignored: How many lines belong to queries that were not asked for.
    """

    lists: dict[str, list[RunEntry]]
    ignored: int


def read_run(path: PathLike, depth: int = 1000, queries: Container[str] | None = None) -> Run:
    """A TREC run: ``query Q0 document rank score tag``, separated by blanks.

    As in trec_eval the score decides, the rank column does not, and equal scores are ordered by
    document id, last first. The file is streamed, and `depth` documents of each query are kept,
    so millions of lines fit into little memory.

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
    for number, line in lines(path):
        fields = line.split()
        if len(fields) not in (5, 6):
            raise InvalidInputError(
                f"{path}, line {number} has {len(fields)} fields; a run has 'query Q0 document "
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
                f"{path}, line {number}: the score {fields[4]!r} is no finite number; a run has "
                "'query Q0 document rank score tag'"
            )
        found = kept.setdefault(query, [])
        found.append(RunEntry(doc, score, number))
        if len(found) >= 4 * depth:  # so that a long list is not sorted at every line
            kept[query] = _best(path, query, found, depth)
    return Run({q: _best(path, q, found, depth) for q, found in kept.items()}, ignored)


def _best(path: PathLike, query: str, found: list[RunEntry], depth: int) -> list[RunEntry]:
    first: dict[str, int] = {}
    for doc, _, line in found:
        if doc in first:
            raise InvalidInputError(
                f"{path}, line {line}: the query {query!r} has the document {doc!r} already in "
                f"line {first[doc]}; a run lists each once"
            )
        first[doc] = line
    by_id = sorted(found, key=lambda f: f.doc, reverse=True)
    return sorted(by_id, key=lambda f: -f.score)[:depth]


def read_qrels(path: PathLike) -> dict[str, dict[str, int]]:
    """Judgements, as TREC writes them or as BEIR does; told apart by their columns.

    TREC: ``query 0 document grade``, separated by blanks. BEIR: ``query-id corpus-id score``,
    separated by tabs, with or without that header.

    Raises:
        InvalidInputError: A line that does not fit, or a document judged twice with different
            grades; names file and line.
    """
    qrels: dict[str, dict[str, int]] = {}
    for number, line in lines(path):
        fields = line.rstrip("\r\n").split("\t")
        if len(fields) != 3:
            fields = line.split()
        if len(fields) == 4:
            del fields[1]
        if len(fields) != 3:
            raise InvalidInputError(
                f"{path}, line {number} has {len(fields)} fields; judgements have 'query 0 "
                "document grade' or, with tabs, 'query-id corpus-id score'"
            )
        query, doc, written = fields
        try:
            grade = int(written)
        except ValueError:
            if not qrels and written.strip().lower() in ("score", "grade", "relevance", "label"):
                continue
            raise InvalidInputError(
                f"{path}, line {number}: the grade {written!r} is no whole number; judgements "
                "have 'query 0 document grade', grade 0 where it is not relevant"
            ) from None
        if qrels.setdefault(query, {}).setdefault(doc, grade) != grade:
            raise InvalidInputError(
                f"{path}, line {number}: the document {doc!r} of query {query!r} has the grade "
                f"{grade} here and {qrels[query][doc]} before"
            )
    if not qrels:
        raise InvalidInputError(f"{path} holds no judgement")
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
        texts: Texts of the documents by id; those of the run's first `depth` are needed.
        depth: Candidates of each query.
        relevant_from: See `Collection`.
        name: For tables; the run file's name if None.

    Raises:
        InvalidInputError: Files that do not fit, or a candidate without a text.
    """
    judged = read_qrels(qrels)
    found = read_run(run, depth, queries.keys() & judged.keys())
    notes = [f"{found.ignored} lines of {run} are of other queries"] if found.ignored else []
    return collected(
        name or Path(run).name,
        queries,
        judged,
        with_texts(found, texts, str(run)),
        relevant_from=relevant_from,
        notes=notes,
        source=Path(run).name,
    )


def with_texts(run: Run, texts: Mapping[str, str], where: str) -> dict[str, list[Candidate]]:
    """The run's documents as candidates, with the first stage's scores on them."""
    missing = [f for found in run.lists.values() for f in found if f.doc not in texts]
    if missing:
        raise InvalidInputError(
            f"{len(missing)} candidates have no text, such as {missing[0].doc!r} ({where}, line "
            f"{missing[0].line}), and a reranker reads texts; give all of them, or a smaller depth"
        )
    return {
        q: [Candidate(f.doc, texts[f.doc], score=f.score) for f in found]
        for q, found in run.lists.items()
    }
