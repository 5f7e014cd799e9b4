"""The evaluation collections as the benchmarks read them; their text never leaves them."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

from secondpass import Candidate, Ranking
from secondpass.evaluate import Metric, read_corpus, read_qrels, read_queries, read_run
from secondpass.evaluate.bm25_index import bm25_candidates
from secondpass.evaluate.metrics import per_query

ROOT = Path(__file__).parents[1]
EVAL = ROOT.parent / "shared/data/eval"
ENGLISH = (
    "trec-dl19", "trec-dl21", "wikiqa-test", "nq-gold", "xquad-en", "cranfield", "cisi", "cacm",
    "med", "npl", "lisa",
)  # fmt: skip
"""The English collections."""

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
    full = folder / "qrels_full.txt"
    qrels = read_qrels(full if full.exists() else folder / "qrels.tsv")
    return read_corpus(folder), read_queries(folder), qrels


def candidates(
    folder: Path, corpus: dict[str, str], queries: dict[str, str], qrels: Qrels, depth: int
) -> Lists:
    """The first stage: the given BM25 run, all judged candidates (WikiQA), or BM25 made here."""
    asked = {q: text for q, text in queries.items() if q in qrels}
    if folder.name == "wikiqa-test":
        return {q: list(qrels[q]) for q in asked}
    run = folder / "run.bm25.txt.gz"
    if run.exists():
        found = read_run(run, depth, asked).lists
        return {q: [one.doc for one in found[q]] for q in asked}
    return {q: [c.id for c in best] for q, best in bm25_candidates(corpus, asked, depth).items()}


def rankings(name: str, depth: int, most: int | None = None) -> tuple[dict[str, Ranking], Qrels]:
    """The first stage's ranking of each query by its id, the first `most` queries, and grades."""
    corpus, queries, qrels = read(EVAL / name)
    lists = candidates(EVAL / name, corpus, queries, qrels, depth)
    return {
        q: Ranking.of(queries[q], [Candidate(d, corpus[d]) for d in docs if d in corpus])
        for q, docs in list(lists.items())[:most]
    }, qrels


def ndcg(qrels: Qrels, orders: Lists) -> float:
    """nDCG@10 with all grades, as trec_eval computes it."""
    return fmean(ndcg_by_query(qrels, orders))


def ndcg_by_query(qrels: Qrels, orders: Lists) -> list[float]:
    """nDCG@10 of each query, in the order of `orders`."""
    metric = Metric.of("nDCG@10")
    return list(per_query([metric], {q: qrels[q] for q in orders}, orders)[metric.name])
