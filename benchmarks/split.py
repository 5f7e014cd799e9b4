"""Passages read once: the built-in model with the passages' vectors kept, against reading them.

    python benchmarks/split.py

nDCG@10 on trec-dl19 and trec-dl21, BM25 top 100, NIST's judgements: as `builtin`, and as
`builtin-split` from a file that holds every passage. Then 20 queries of trec-dl19 by each in turn,
medians of rounds, tokenisation and reading of the file included. Writes
benchmarks/results/split.json and .md.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import data

from secondpass import Candidate, Ranking, Score
from secondpass.models.builtin.model import Builtin

COLLECTIONS = ("trec-dl19", "trec-dl21")
DEPTH, QUERIES, ROUNDS = 100, 20, 3


def main() -> None:
    data.needed(*(data.EVAL / name for name in COLLECTIONS))
    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in COLLECTIONS:
            file = Path(scratch) / name
            plain, kept = Builtin(), Builtin(vectors=file)
            corpus, queries, qrels = data.read(data.EVAL / name)
            found = data.candidates(data.EVAL / name, corpus, queries, qrels, DEPTH)
            rankings = [
                Ranking.of(queries[q], [Candidate(d, corpus[d]) for d in docs])
                for q, docs in found.items()
            ]
            texts = list(dict.fromkeys(corpus[d] for docs in found.values() for d in docs))
            start = time.perf_counter()
            kept.encode(texts)
            indexed = len(texts) / (time.perf_counter() - start)
            rows[name] = {"queries": len(found), "passages": len(texts)}
            scores = {}
            for what, model in (("builtin", plain), ("builtin-split", kept)):
                done = Score(model).run(rankings)
                lists = {q: r.ids for q, r in zip(found, done, strict=True)}
                rows[name][what] = round(data.ndcg(qrels, lists), 4)
                scores[what] = {(r.query, c.id): c.score or 0.0 for r in done for c in r}
            away = [abs(s - scores["builtin-split"][k]) for k, s in scores["builtin"].items()]
            rows[name] |= {
                "largest_difference_of_a_logit": round(max(away), 3),
                "bytes_a_passage": round(
                    sum(f.stat().st_size for f in Path(scratch).glob(f"{name}*")) / len(texts)
                ),
                "passages_read_a_second": round(indexed, 1),
            }
            print(name, rows[name], flush=True)
            if name == COLLECTIONS[0]:
                speed = timed(plain, kept, rankings[:QUERIES])
    report = {
        "command": "python benchmarks/split.py",
        "built_in": plain.name,
        "processors": len(os.sched_getaffinity(0)),
        "load_average": os.getloadavg()[0],
        "collections": rows,
        "speed": speed,
    }
    (data.RESULTS / "split.json").write_text(json.dumps(report, indent=2) + "\n")
    columns = list(next(iter(rows.values())))
    lines = [
        f"`{report['command']}`: nDCG@10 of the BM25 top {DEPTH} as `builtin` reads each passage, "
        "and as `builtin-split` takes its vectors (int8) from a file.",
        "",
        "| collection | " + " | ".join(c.replace("_", " ") for c in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
        *(f"| {n} | " + " | ".join(str(r[c]) for c in columns) + " |" for n, r in rows.items()),
        "",
        f"{QUERIES} queries of {DEPTH} passages on {report['processors']} processors, medians of "
        f"{ROUNDS} rounds in turn: {speed['builtin']:.0f} and {speed['builtin-split']:.0f} pairs a "
        f"second, {speed['ratio']:.1f} times as many; {speed['milliseconds_a_query']:.0f} ms a "
        "query instead of "
        f"{1000 * DEPTH / speed['builtin']:.0f}.",
    ]
    (data.RESULTS / "split.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def timed(plain: Builtin, kept: Builtin, rankings: list[Ranking]) -> dict[str, float]:
    """Pairs a second of each, one query after the other, as a service would ask."""
    rates: dict[str, list[float]] = {"builtin": [], "builtin-split": []}
    pairs = sum(map(len, rankings))
    for _ in range(ROUNDS):
        for what, model in (("builtin", plain), ("builtin-split", kept)):
            stage = Score(model)
            start = time.perf_counter()
            for ranking in rankings:
                stage(ranking)
            rates[what].append(pairs / (time.perf_counter() - start))
    made = {what: statistics.median(found) for what, found in rates.items()}
    ratios = [a / b for a, b in zip(rates["builtin-split"], rates["builtin"], strict=True)]
    return made | {
        "ratio": statistics.median(ratios),
        "milliseconds_a_query": 1000 * DEPTH / made["builtin-split"],
    }


if __name__ == "__main__":
    main()
