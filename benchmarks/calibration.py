"""What the built-in model's probabilities are worth on collections that it never saw.

    python benchmarks/calibration.py

For each English collection: its first queries with the BM25 top candidates (TREC: the given BM25
run; WikiQA: the judged candidates). Nothing is fitted here: the shipped calibrator was fitted on
training sources, so this is transfer. Writes benchmarks/results/calibration.json, .md and .png; no
text of the collections.
"""

from __future__ import annotations

import json

import data
import matplotlib as mpl

from secondpass import (
    Candidate,
    Ranking,
    brier_score,
    expected_calibration_error,
    load,
)

mpl.use("Agg")
from matplotlib import pyplot as plt

COLLECTIONS = (
    "trec-dl19", "trec-dl21", "wikiqa-test", "nq-gold", "xquad-en", "cranfield", "cisi", "cacm",
    "med", "npl", "lisa",
)  # fmt: skip
QUERIES, DEPTH = 60, 20


def main() -> None:
    data.needed(*(data.EVAL / name for name in COLLECTIONS))
    model = load("builtin")
    table, curves = {}, {}
    for name in COLLECTIONS:
        corpus, queries, qrels = data.read(data.EVAL / name)
        found = data.candidates(data.EVAL / name, corpus, queries, qrels, DEPTH)
        found = dict(list(found.items())[:QUERIES])
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
            "ndcg10_before": round(data.ndcg(qrels, found), 4),
            "ndcg10_after": round(data.ndcg(qrels, after), 4),
        }
        curves[name] = reliability(p, y)
        print(name, table[name], flush=True)
    report = {
        "command": "python benchmarks/calibration.py",
        "model": model.name,
        "queries_at_most": QUERIES,
        "candidates_at_most": DEPTH,
        "collections": table,
    }
    (data.RESULTS / "calibration.json").write_text(json.dumps(report, indent=2) + "\n")
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
    (data.RESULTS / "calibration.md").write_text(text + "\n".join(rows) + "\n")
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
    for i, (name, points) in enumerate(curves.items()):
        colour = plt.colormaps["tab20"](i % 20)
        axes.plot(
            *zip(*points, strict=True), "o-", color=colour, markersize=3, linewidth=1, label=name
        )
    axes.set(
        xlabel="stated P(relevant)", ylabel="observed share of relevant pairs",
        title="Built-in model, shipped calibrator, unseen collections", xlim=(0, 1), ylim=(0, 1),
    )  # fmt: skip
    axes.legend(fontsize=8, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(data.RESULTS / "calibration.png", dpi=130)


if __name__ == "__main__":
    main()
