"""What the built-in model's probabilities are worth on collections that it never saw.

    python benchmarks/calibration.py [--data ../shared/data/eval]

For each English collection: its first queries with the BM25 top candidates (TREC: the given BM25
run; WikiQA: the judged candidates). Nothing is fitted here: the shipped calibrator was fitted on
training sources, so this is transfer. Writes benchmarks/results/calibration.json, .md and .png; no
text of the collections.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import defaultdict
from pathlib import Path

import bm25s
import ir_measures
import matplotlib as mpl
import Stemmer

from secondpass import (
    Candidate,
    Ranking,
    brier_score,
    expected_calibration_error,
    load,
)

mpl.use("Agg")
from matplotlib import pyplot as plt

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
COLLECTIONS = (
    "trec-dl19", "trec-dl21", "wikiqa-test", "nq-gold", "xquad-en", "cranfield", "cisi", "cacm",
    "med", "npl", "lisa",
)  # fmt: skip
QUERIES, DEPTH = 60, 20

Qrels = dict[str, dict[str, int]]


def lines(path: Path) -> list[dict[str, str]]:
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    return [json.loads(line) for line in text.decode().splitlines()]


def read(folder: Path) -> tuple[dict[str, str], dict[str, str], Qrels]:
    corpus = {
        row["_id"]: f"{row.get('title', '')} {row['text']}".strip()
        for row in lines(folder / "corpus.jsonl.gz")
    }
    queries = {row["_id"]: row["text"] for row in lines(folder / "queries.jsonl")}
    qrels: Qrels = defaultdict(dict)
    for row in (folder / "qrels.tsv").read_text().splitlines()[1:]:
        query, doc, grade = row.split("\t")
        qrels[query][doc] = int(grade)
    return corpus, queries, qrels


def candidates(
    folder: Path, corpus: dict[str, str], queries: dict[str, str], qrels: Qrels
) -> dict[str, list[str]]:
    asked = [q for q in queries if q in qrels][:QUERIES]
    if folder.name == "wikiqa-test":
        return {q: list(qrels[q]) for q in asked}
    run = folder / "run.bm25.txt.gz"
    if run.exists():
        found: dict[str, list[str]] = defaultdict(list)
        with gzip.open(run, "rt") as stream:
            for row in stream:
                query, _, doc, *_ = row.split()
                found[query].append(doc)
        return {q: found[q][:DEPTH] for q in asked}
    stemmer, ids = Stemmer.Stemmer("english"), list(corpus)

    def words(texts: list[str]) -> bm25s.tokenization.Tokenized:
        return bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False)

    index = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
    index.index(words(list(corpus.values())), show_progress=False)
    places, _ = index.retrieve(words([queries[q] for q in asked]), k=DEPTH, show_progress=False)
    return {q: [ids[i] for i in row] for q, row in zip(asked, places, strict=True)}


def ndcg(qrels: Qrels, orders: dict[str, list[str]]) -> float:
    run = {q: {d: -float(i) for i, d in enumerate(order)} for q, order in orders.items()}
    judged = {q: qrels[q] for q in orders}
    return float(
        ir_measures.calc_aggregate([ir_measures.nDCG @ 10], judged, run)[ir_measures.nDCG @ 10]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data/eval")
    data = parser.parse_args().data
    if not data.is_dir():
        raise SystemExit(
            f"skipped: {data} is absent, and the collections are not in the repository"
        )
    model = load("builtin")
    table, curves = {}, {}
    for name in COLLECTIONS:
        corpus, queries, qrels = read(data / name)
        found = candidates(data / name, corpus, queries, qrels)
        relevant_from = 2 if name.startswith("trec") else 1
        rankings = model.run(
            [
                Ranking.of(queries[q], [Candidate(d, corpus[d]) for d in docs if d in corpus])
                for q, docs in found.items()
            ]
        )
        p = [s for r in rankings if len(r) for s in r.scores]
        y = [
            qrels[q].get(c.id, 0) >= relevant_from
            for q, r in zip(found, rankings, strict=True)
            for c in r
        ]
        rate = sum(y) / len(y)
        kept = [label for score, label in zip(p, y, strict=True) if score >= 0.5]
        after = {q: r.ids for q, r in zip(found, rankings, strict=True)}
        table[name] = {
            "queries": len(found),
            "pairs": len(p),
            "base_rate": round(rate, 3),
            "mean_probability": round(sum(p) / len(p), 3),
            "expected_calibration_error": round(expected_calibration_error(p, y), 3),
            "brier_score": round(brier_score(p, y), 3),
            "brier_score_of_the_base_rate": round(rate * (1 - rate), 3),
            "kept_at_half": round(len(kept) / len(p), 3),
            "precision_at_half": round(sum(kept) / len(kept), 3) if kept else None,
            "recall_at_half": round(sum(kept) / sum(y), 3),
            "ndcg10_before": round(ndcg(qrels, found), 4),
            "ndcg10_after": round(ndcg(qrels, after), 4),
        }
        curves[name] = reliability(p, y)
        print(name, table[name], flush=True)
    RESULTS.mkdir(exist_ok=True)
    report = {
        "command": "python benchmarks/calibration.py",
        "model": model.name,
        "queries_at_most": QUERIES,
        "candidates_at_most": DEPTH,
        "collections": table,
    }
    (RESULTS / "calibration.json").write_text(json.dumps(report, indent=2) + "\n")
    columns = list(next(iter(table.values())))
    rows = ["| collection | " + " | ".join(c.replace("_", " ") for c in columns) + " |"]
    rows.append("|---" * (len(columns) + 1) + "|")
    rows += [
        f"| {name} | " + " | ".join(str(row[c]) for c in columns) + " |"
        for name, row in table.items()
    ]
    text = (
        f"`{report['command']}`: {model.name}, the first {QUERIES} queries of each collection, the "
        f"top {DEPTH} BM25 candidates (WikiQA: all judged ones). Transfer: nothing was fitted on "
        "these collections.\n\n"
    )
    (RESULTS / "calibration.md").write_text(text + "\n".join(rows) + "\n")
    plot(curves)


def reliability(p: list[float], y: list[bool], bins: int = 8) -> list[tuple[float, float]]:
    pairs = sorted(zip(p, y, strict=True))
    parts = [pairs[i * len(pairs) // bins : (i + 1) * len(pairs) // bins] for i in range(bins)]
    return [
        (sum(a for a, _ in part) / len(part), sum(b for _, b in part) / len(part)) for part in parts
    ]


def plot(curves: dict[str, list[tuple[float, float]]]) -> None:
    figure, axes = plt.subplots(figsize=(6.5, 6.5))
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", label="perfect")
    for name, points in curves.items():
        axes.plot(*zip(*points, strict=True), marker="o", markersize=3, linewidth=1, label=name)
    axes.set(
        xlabel="stated P(relevant)", ylabel="observed share of relevant pairs",
        title="Built-in model, shipped calibrator, unseen collections", xlim=(0, 1), ylim=(0, 1),
    )  # fmt: skip
    axes.legend(fontsize=8, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(RESULTS / "calibration.png", dpi=130)


if __name__ == "__main__":
    main()
