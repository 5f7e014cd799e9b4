"""Learned against fixed fusion of BM25 and the built-in model.

    python benchmarks/learned_fusion.py [COLLECTION ...]

For each collection the BM25 top candidates of its queries, scored once by both members. Weights
are learned and judged by cross-validation over queries; fixed weights and each member alone are
judged on the same folds. Writes benchmarks/results/learned_fusion.json and .md.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any, Literal

import data
from results_file import markdown_table, parser, write_results

from secondpass import Candidate, JudgedQuery, Ranking, learn_fusion, load
from secondpass.evaluate import RecordedStage
from secondpass.stages import FusionEvidence

COLLECTIONS = ("cranfield", "npl")
QUERIES, DEPTH = 100, 30
METHODS: tuple[Literal["logistic", "lambdamart"], ...] = ("logistic", "lambdamart")


def main(arguments: list[str] | None = None) -> None:
    options_of = parser(__doc__)
    options_of.add_argument("collections", nargs="*", default=list(COLLECTIONS))
    options = options_of.parse_args(arguments)
    names = options.collections
    data.needed(*(data.EVAL / name for name in names))
    models = [load("bm25"), load("builtin:raw")]
    results: dict[str, Any] = {}
    for name in names:
        judged = read(name)
        members = [RecordedStage.of(m, [j.ranking for j in judged]) for m in models]
        results[name] = {}
        for method in METHODS:
            evidence = learn_fusion(members, judged, method).evidence
            print(f"{name}\n{evidence}\n", flush=True)
            results[name][method] = row(evidence) | {"weights": rounded(evidence.weights)}
    report = {
        "command": "python benchmarks/learned_fusion.py",
        "members": [m.name for m in models],
        "queries_at_most": QUERIES,
        "candidates_at_most": DEPTH,
        "collections": results,
    }
    write_results("learned_fusion", report, page(report), options.results)


def read(name: str) -> list[JudgedQuery]:
    """Judged queries with different texts, each with the BM25 top candidates."""
    corpus, queries, qrels = data.read(data.EVAL / name)
    asked = {q: queries[q] for q in list(qrels)[:QUERIES] if q in queries}
    found = data.candidates(data.EVAL / name, corpus, asked, {q: qrels[q] for q in asked}, DEPTH)
    judged = {}
    for q, docs in found.items():
        ranking = Ranking.of(asked[q], [Candidate(d, corpus[d]) for d in docs])
        good = frozenset(d for d in docs if qrels[q].get(d, 0) > 0)
        judged.setdefault(asked[q], JudgedQuery(ranking, good))
    return list(judged.values())


def row(evidence: FusionEvidence) -> dict[str, Any]:
    return {
        "queries": evidence.queries,
        "answerable": evidence.answerable,
        "ndcg10": round(fmean(evidence.ndcg), 4),
        "log_loss": round(fmean(evidence.log_loss), 4) if evidence.log_loss else None,
        "verdict": evidence.verdict,
        "notes": list(evidence.notes),
        "rivals": [
            {
                "name": r.name,
                "ndcg10": round(fmean(r.ndcg), 4),
                "log_loss": round(fmean(r.log_loss), 4) if r.log_loss else None,
                "learned_is": [round(x, 4) for x in (r.difference, r.low, r.high)],
            }
            for r in evidence.baselines
        ],
    }


def rounded(weights: Mapping[str, float]) -> dict[str, float]:
    return {name: round(weight, 4) for name, weight in weights.items()}


def page(report: dict[str, Any]) -> list[str]:
    head = [
        "collection", "method", "learned", "against", "nDCG@10", "learned is",
        "log loss, learned and fixed",
    ]  # fmt: skip
    rows, verdicts = [], []
    for name, methods in report["collections"].items():
        for method, row in methods.items():
            verdicts.append(f"- {name}, {method}: {row['verdict']}")
            for other in row["rivals"]:
                mean, low, high = other["learned_is"]
                losses = [row["log_loss"], other["log_loss"]]
                rows.append([
                    name, method, f"{row['ndcg10']:.4f}", other["name"],
                    f"{other['ndcg10']:.4f}", f"{mean:+.4f} [{low:+.4f}, {high:+.4f}]",
                    " and ".join("-" if x is None else f"{x:.4f}" for x in losses),
                ])  # fmt: skip
    return [
        f"`{report['command']}`: {' and '.join(report['members'])} on the BM25 top {DEPTH} of at "
        f"most {QUERIES} queries, cross-validated by query in 5 folds. nDCG@10 over the candidates "
        "given; the difference is learned minus fixed, with its 95 % interval over queries.",
        "",
        *markdown_table(head, rows),
        "",
        *verdicts,
    ]


if __name__ == "__main__":
    main()
