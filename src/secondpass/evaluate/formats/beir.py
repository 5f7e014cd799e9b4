"""BEIR's folder layout: corpus.jsonl, queries.jsonl, and judgements."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path

from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError
from secondpass.evaluate.bm25_index import bm25_candidates
from secondpass.evaluate.collection import Collection, Qrels
from secondpass.evaluate.collection_builder import collected
from secondpass.evaluate.formats.lines import PathLike, rows
from secondpass.evaluate.formats.trec import read_qrels, read_run, with_texts

JUDGED = "judged"
"""Name of the first stage that takes every judged document, where a collection has no other."""


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
            judged document of a query, in the order of the judgement file, which is no ranking;
            or None for BM25 over the whole corpus, made here.
        depth: Candidates of each query; not for ``"judged"``.
        qrels: Another judgement file, in the folder or elsewhere.
        relevant_from: See `Collection`.
        name: For tables; the folder's if None.

    Raises:
        InvalidInputError: A file is absent or does not fit (names file and line), an id stands
            twice, or a candidate has no text.
        MissingExtraError: BM25 is needed and not installed.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InvalidInputError(f"{folder} is no folder")
    judged = read_qrels(_named(folder, qrels) if qrels is not None else _qrels_file(folder))
    queries = read_queries(folder)
    asked = {q: text for q, text in queries.items() if q in judged}
    found, source, notes = _first_stage(folder, run, depth, asked, judged)
    return collected(
        name or folder.name,
        queries,
        judged,
        found,
        relevant_from=relevant_from,
        notes=notes,
        source=source,
    )


def read_corpus(folder: PathLike, wanted: Container[str] | None = None) -> dict[str, str]:
    """Texts of a BEIR folder's documents by id, title first; only the wanted ones if given."""
    return dict(_texts(_file(Path(folder), "corpus.jsonl"), wanted))


def read_queries(folder: PathLike) -> dict[str, str]:
    """Texts of a BEIR folder's queries by id."""
    return dict(_texts(_file(Path(folder), "queries.jsonl"), None))


def _first_stage(
    folder: Path, run: PathLike | None, depth: int, asked: Mapping[str, str], judged: Qrels
) -> tuple[dict[str, list[Candidate]], str, list[str]]:
    ids = {doc for q in asked for doc in judged[q]}
    notes: list[str] = []
    if run is None:
        texts = read_corpus(folder)
        found = bm25_candidates(texts, asked, depth)
        others = sorted(path.name for path in folder.glob("run.*"))
        if others:
            notes.append(
                "the first stage is BM25 made here; the folder also holds the runs "
                + ", ".join(others)
            )
        source = "bm25"
    elif run == JUDGED:
        texts = read_corpus(folder, ids)
        found = {q: [Candidate(d, texts[d]) for d in judged[q] if d in texts] for q in asked}
        notes.append("the candidates are the judged documents, in the order of the judgements")
        source = JUDGED
    else:
        path = _named(folder, run)
        listed = read_run(path, depth, asked)
        if listed.ignored:
            notes.append(f"{listed.ignored} lines of {path.name} are of other queries")
        docs = {f.doc for found in listed.lists.values() for f in found}
        texts = read_corpus(folder, docs | ids)
        found, source = with_texts(listed, texts, str(path)), path.name
    unknown = sum(doc not in texts for doc in ids)
    if unknown:
        notes.append(
            f"{unknown} of {len(ids)} judged documents are not in the corpus; they count as missed "
            "by the first stage"
        )
    return found, source, notes


def _texts(path: Path, wanted: Container[str] | None) -> Iterator[tuple[str, str]]:
    seen: dict[str, int] = {}
    for number, row in rows(path):
        id, text = row.get("_id"), row.get("text")
        if not isinstance(id, str | int) or not isinstance(text, str):
            raise InvalidInputError(f"{path}, line {number} needs '_id' and a string in 'text'")
        key = str(id)
        if wanted is not None and key not in wanted:
            continue
        if key in seen:
            raise InvalidInputError(
                f"{path}, line {number}: the id {key!r} stands already in line {seen[key]}"
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


def _named(folder: Path, path: PathLike) -> Path:
    tried: Sequence[Path] = (folder / path, Path(path))
    for one in tried:
        if one.is_file():
            return one
    raise InvalidInputError(f"there is no file {tried[0]} and none {tried[1]}")
