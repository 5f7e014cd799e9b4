"""BEIR's folder layout: corpus.jsonl, queries.jsonl, and judgements."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from pathlib import Path

from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError
from secondpass.core.jsonl import PathLike, line_name
from secondpass.evaluate.bm25_index import bm25_candidates
from secondpass.evaluate.collection import Collection, Qrels, build_collection
from secondpass.evaluate.formats.jsonl import read_objects
from secondpass.evaluate.formats.trec import candidates_of_run, read_qrels, read_run

JUDGED = "judged"
"""The first stage that takes every judged document, for collections that have no other."""


def read_beir(
    folder: PathLike,
    run: PathLike | None = None,
    *,
    depth: int = 100,
    qrels: PathLike | None = None,
    relevant_from: int = 1,
    name: str | None = None,
) -> Collection:
    """A collection from a folder in BEIR's layout.

    The folder holds ``corpus.jsonl`` and ``queries.jsonl`` (``_id``, ``text``, and ``title`` in
    the corpus; .gz too) and judgements: ``qrels_full.txt`` (TREC's own, where there),
    ``qrels.tsv`` or ``qrels/test.tsv``.

    Args:
        folder: The folder.
        run: The first stage: a TREC run file, in the folder or elsewhere; ``"judged"`` for every
            judged document of a query, in the order of the judgement file, which is not a
            ranking; or None for BM25 over the whole corpus, computed here.
        depth: Candidates of each query; not for ``"judged"``.
        qrels: Another judgement file, in the folder or elsewhere.
        relevant_from: See `Collection`.
        name: For tables; the folder's if None.

    Raises:
        InvalidInputError: A file is missing or does not fit (names file and line), an id occurs
            twice, or a candidate has no text.
        MissingExtraError: BM25 is needed and not installed.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InvalidInputError(f"{folder} is not a folder")
    judged = read_qrels(_find_file(folder, qrels) if qrels is not None else _qrels_file(folder))
    queries = read_queries(folder)
    judged_queries = {q: text for q, text in queries.items() if q in judged}
    candidates, source, notes = _first_stage(folder, run, depth, judged_queries, judged)
    return build_collection(
        name or folder.name,
        queries,
        judged,
        candidates,
        relevant_from=relevant_from,
        notes=notes,
        source=source,
    )


def read_corpus(folder: PathLike, wanted: Container[str] | None = None) -> dict[str, str]:
    """Texts of a BEIR folder's documents by id, title first; all, or only `wanted`."""
    return dict(_texts(_file(Path(folder), "corpus.jsonl"), wanted))


def read_queries(folder: PathLike) -> dict[str, str]:
    """Texts of a BEIR folder's queries by id."""
    return dict(_texts(_file(Path(folder), "queries.jsonl"), None))


def _first_stage(
    folder: Path, run: PathLike | None, depth: int, queries: Mapping[str, str], judged: Qrels
) -> tuple[dict[str, list[Candidate]], str, list[str]]:
    """Candidates of each query, the name of what found them, and notes."""
    judged_docs = {doc for q in queries for doc in judged[q]}
    notes: list[str] = []
    if run is None:
        texts = read_corpus(folder)
        candidates, source = bm25_candidates(texts, queries, depth), "bm25"
        run_files = sorted(path.name for path in folder.glob("run.*"))
        if run_files:
            notes.append(
                "the first stage is BM25, computed here; the folder also holds the runs "
                + ", ".join(run_files)
            )
    elif run == JUDGED:
        texts = read_corpus(folder, judged_docs)
        candidates = {q: [Candidate(d, texts[d]) for d in judged[q] if d in texts] for q in queries}
        notes.append("the candidates are the judged documents, in the order of the judgements")
        source = JUDGED
    else:
        path = _find_file(folder, run)
        results = read_run(path, depth, queries)
        if results.ignored:
            notes.append(f"{results.ignored} lines of {path.name} belong to other queries")
        docs = {entry.doc for entries in results.lists.values() for entry in entries}
        texts = read_corpus(folder, docs | judged_docs)
        candidates, source = candidates_of_run(results, texts, str(path)), path.name
    unknown = sum(doc not in texts for doc in judged_docs)
    if unknown:
        notes.append(
            f"{unknown} of {len(judged_docs)} judged documents are not in the corpus; they count "
            "as missed by the first stage"
        )
    return candidates, source, notes


def _texts(path: Path, wanted: Container[str] | None) -> Iterator[tuple[str, str]]:
    seen: dict[str, int] = {}
    for number, row in read_objects(path):
        id, text = row.get("_id"), row.get("text")
        if not isinstance(id, str | int) or not isinstance(text, str):
            raise InvalidInputError(f"{line_name(path, number)} needs '_id' and a string in 'text'")
        key = str(id)
        if wanted is not None and key not in wanted:
            continue
        if key in seen:
            raise InvalidInputError(
                f"{line_name(path, number)}: the id {key!r} is already in line {seen[key]}"
            )
        seen[key] = number
        yield key, f"{row.get('title') or ''} {text}".strip()


def _qrels_file(folder: Path) -> Path:
    for name in ("qrels_full.txt", "qrels.tsv", "qrels/test.tsv", "qrels.txt"):
        if (folder / name).is_file():
            return folder / name
    raise InvalidInputError(
        f"{folder} has no judgements: qrels_full.txt, qrels.tsv, qrels/test.tsv or qrels.txt; "
        "name another file with qrels="
    )


def _file(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise InvalidInputError(f"{folder} has no {name} and no {name}.gz")


def _find_file(folder: Path, path: PathLike) -> Path:
    paths = (folder / path, Path(path))
    for candidate in paths:
        if candidate.is_file():
            return candidate
    raise InvalidInputError(f"there is no file {paths[0]}, nor {paths[1]}")
