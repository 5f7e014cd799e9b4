"""Passages read once: the built-in model with the passages' vectors kept, against reading them.

    python benchmarks/split.py

nDCG@10 on trec-dl19 and trec-dl21, BM25 top 100, NIST's judgements: as `builtin`, and as
`builtin-split` from a file that holds every passage. Then 20 queries of trec-dl19 by each in turn,
medians of rounds, tokenisation and reading of the file included. Writes
benchmarks/results/split.json and .md.
"""

from __future__ import annotations

import statistics
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import data
from results_file import machine_load, markdown_table, parser, write_results
from rounds import rates_in_turn, ratio_of_rounds

from secondpass import Ranking, Score
from secondpass.core.timing import time_call
from secondpass.models.builtin.model import Builtin

COLLECTIONS = ("trec-dl19", "trec-dl21")
DEPTH, QUERIES, ROUNDS = 100, 20, 3


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__).parse_args(arguments)
    data.needed(*(data.EVAL / name for name in COLLECTIONS))
    plain = Builtin()
    rows: dict[str, dict[str, Any]] = {}
    speed: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in COLLECTIONS:
            rankings, qrels = data.rankings(name, DEPTH)
            stores = {}
            for store, file in (
                ("int8", Path(scratch, name)),
                ("small", Path(scratch, f"{name}.small")),
            ):
                stores[store] = Builtin(vectors=file)
                row = compare(plain, stores[store], rankings, qrels)
                row["bytes_a_passage"] = round(file.stat().st_size / row["passages"])
                rows[f"{name}, {store}"] = row
                print(name, store, row, flush=True)
            speed = speed or time_both(plain, stores, list(rankings.values())[:QUERIES])
    report = {
        "command": "python benchmarks/split.py", "built_in": plain.name, **machine_load(),
        "collections": rows, "speed": speed,
    }  # fmt: skip
    write_results("split", report, page(report), options.results)


def compare(
    plain: Builtin, kept: Builtin, rankings: dict[str, Ranking], qrels: data.Qrels
) -> dict[str, Any]:
    """nDCG@10 of both, how far their scores are apart, and the pace at which passages are read."""
    texts = list(dict.fromkeys(c.text for r in rankings.values() for c in r))
    seconds = time_call(partial(kept.encode, texts))
    row: dict[str, Any] = {"queries": len(rankings), "passages": len(texts)}
    scores = {}
    for name, model in (("builtin", plain), ("builtin-split", kept)):
        reranked = Score(model).run(list(rankings.values()))
        lists = {q: r.ids for q, r in zip(rankings, reranked, strict=True)}
        row[name] = round(data.ndcg(qrels, lists), 4)
        scores[name] = {(r.query, c.id): c.score or 0.0 for r in reranked for c in r}
    differences = [abs(s - scores["builtin-split"][k]) for k, s in scores["builtin"].items()]
    return row | {
        "largest_difference_of_a_logit": round(max(differences), 3),
        "passages_read_a_second": round(len(texts) / seconds, 1),
    }


def time_both(
    plain: Builtin, stores: dict[str, Builtin], rankings: list[Ranking]
) -> dict[str, float]:
    """Pairs per second of each, one query after the other, as in a service."""

    def rerank_each(model: Builtin) -> None:
        stage = Score(model)
        for ranking in rankings:
            stage(ranking)

    calls = {
        "builtin": partial(rerank_each, plain),
        "builtin-split": partial(rerank_each, stores["int8"]),
        "builtin-split, small": partial(rerank_each, stores["small"]),
    }
    rates = rates_in_turn(calls, sum(map(len, rankings)), ROUNDS)
    medians = {name: statistics.median(of_rounds) for name, of_rounds in rates.items()}
    return medians | {
        "ratio": ratio_of_rounds(rates["builtin-split"], rates["builtin"]) or 0.0,
        "milliseconds_a_query": 1000 * DEPTH / medians["builtin-split"],
    }


def page(report: dict[str, Any]) -> list[str]:
    rows, speed = report["collections"], report["speed"]
    head = ["collection", *next(iter(rows.values()))]
    return [
        f"`{report['command']}`: nDCG@10 of the BM25 top {DEPTH} as `builtin` reads each passage, "
        "and as `builtin-split` takes its vectors from a file: int8, or small (`.small`).",
        "",
        *markdown_table(head, [[name, *row.values()] for name, row in rows.items()]),
        "",
        f"{QUERIES} queries of {DEPTH} passages on {report['processors']} processors "
        f"({report['processor']}), medians of "
        f"{ROUNDS} rounds in turn: {speed['builtin']:.0f} and {speed['builtin-split']:.0f} pairs "
        f"per second, {speed['ratio']:.1f} times as many; {speed['milliseconds_a_query']:.0f} ms "
        f"per query instead of {1000 * DEPTH / speed['builtin']:.0f}. From a small store: "
        f"{speed['builtin-split, small']:.0f} pairs per second.",
    ]


if __name__ == "__main__":
    main()
