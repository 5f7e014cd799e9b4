"""The evaluation collections as the benchmarks read them; their text never leaves them."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import bm25s
import ir_measures
import Stemmer

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
EVAL = ROOT.parent / "shared/data/eval"

Qrels = dict[str, dict[str, int]]
Lists = dict[str, list[str]]
"""For each query id the ids of its candidates, best first."""


def needed(*paths: Path) -> None:
    """Stop with a reason where something is absent."""
    missing = [path.name for path in paths if not path.exists()]
    if missing:
        raise SystemExit(
            f"skipped: {', '.join(missing)} is absent; the collections and first weights are not "
            "part of the repository"
        )


def read(folder: Path) -> tuple[dict[str, str], dict[str, str], Qrels]:
    """Texts by id, queries by id, and grades by query and document (NIST's own where there)."""
    corpus = {
        row["_id"]: f"{row.get('title') or ''} {row['text']}".strip()
        for row in _lines(folder / "corpus.jsonl.gz")
    }
    queries = {row["_id"]: row["text"] for row in _lines(folder / "queries.jsonl")}
    qrels: Qrels = defaultdict(dict)
    full = folder / "qrels_full.txt"
    if full.exists():
        for row in full.read_text().splitlines():
            query, _, doc, grade = row.split()
            qrels[query][doc] = int(grade)
    else:
        for row in (folder / "qrels.tsv").read_text().splitlines()[1:]:
            query, doc, grade = row.split("\t")
            qrels[query][doc] = int(grade)
    return corpus, queries, qrels


def candidates(
    folder: Path, corpus: dict[str, str], queries: dict[str, str], qrels: Qrels, depth: int
) -> Lists:
    """The first stage: the given BM25 run, all judged candidates (WikiQA), or BM25 made here."""
    asked = [q for q in queries if q in qrels]
    if folder.name == "wikiqa-test":
        return {q: list(qrels[q]) for q in asked}
    run = folder / "run.bm25.txt.gz"
    if run.exists():
        found: Lists = defaultdict(list)
        with gzip.open(run, "rt") as stream:
            for row in stream:
                query, _, doc, *_ = row.split()
                found[query].append(doc)
        return {q: found[q][:depth] for q in asked}
    stemmer, ids = Stemmer.Stemmer("english"), list(corpus)

    def words(texts: list[str]) -> Any:
        return bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False)

    index = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
    index.index(words(list(corpus.values())), show_progress=False)
    places, _ = index.retrieve(words([queries[q] for q in asked]), k=depth, show_progress=False)
    return {q: [ids[i] for i in row] for q, row in zip(asked, places, strict=True)}


def ndcg(qrels: Qrels, orders: Lists) -> float:
    """nDCG@10 with all grades, as trec_eval computes it."""
    run = {q: {d: -float(i) for i, d in enumerate(order)} for q, order in orders.items()}
    judged = {q: qrels[q] for q in orders}
    measure = ir_measures.nDCG @ 10
    return float(ir_measures.calc_aggregate([measure], judged, run)[measure])


def _lines(path: Path) -> list[dict[str, str]]:
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    return [json.loads(line) for line in text.decode().splitlines()]
