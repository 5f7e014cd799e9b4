"""Does reranking help? BM25's order against the built-in model and a hybrid of both.

    python benchmarks/evaluation.py

trec-dl21 with its BM25 run, cranfield and lisa with BM25 made here; some queries of each, so that
it takes minutes. Then quality and latency against depth, on npl, where reranking helps, and on
lisa, where it does not, and the arithmetic of two stages on npl. Times are this machine's.

Writes benchmarks/results/evaluation.json, .md and plots; no text of the collections.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from typing import Any

import data

from secondpass import Fuse, Score, TrailScore, load
from secondpass.evaluate import compare, depth_curve, read_collection, two_stage_cost

COLLECTIONS: dict[str, dict[str, Any]] = {
    "trec-dl21": {"run": "run.bm25.txt.gz", "relevant_from": 2, "depth": 100},
    "cranfield": {"depth": 50},
    "lisa": {"depth": 30},
}
QUERIES = {"trec-dl21": 24, "cranfield": 30, "lisa": 35}
DEPTHS, COST_QUERIES = (10, 20, 50, 100, 200), 20
CURVES = {"npl": 30, "lisa": 10}
"""Collections for quality against depth, and how many queries of each: lisa's texts are long."""


def main() -> None:
    data.needed(*(data.EVAL / name for name in COLLECTIONS))
    start = time.perf_counter()
    model = load("builtin")
    report: dict[str, Any] = {
        "command": "python benchmarks/evaluation.py",
        "processors": len(os.sched_getaffinity(0)),
        "load_average": os.getloadavg()[0],
        "collections": {},
    }
    text = [f"`{report['command']}`: {model.name}", ""]
    for name, options in COLLECTIONS.items():
        collection = read_collection(data.EVAL / name, **options).head(QUERIES[name])
        remembering = load("builtin", cache=100_000)  # the hybrid needs the same scores again
        source = collection[0].ranking[0].trail[0].stage
        hybrid = Fuse(Score(TrailScore(source)), remembering, normalise="z-score")
        contenders = {"built-in": remembering, "hybrid": hybrid}
        compared = compare(collection, None, contenders)
        found = compared.to_dict()
        for contender in found["contenders"].values():
            del contender["seconds"]  # remembered scores would flatter the hybrid
        report["collections"][name] = found
        text += table(found)
        print(name, *compared.verdicts.values(), compared.limit, sep="\n", flush=True)
    report["depth"] = {}
    for name, queries in CURVES.items():
        collection = read_collection(data.EVAL / name, depth=max(DEPTHS)).head(queries)
        curve = depth_curve(model, collection, DEPTHS, timed=3, repeats=2)
        report["depth"][name] = dataclasses.asdict(curve) | {"sentence": curve.sentence}
        curve.figure().savefig(data.RESULTS / f"evaluation-{name}.png", dpi=130)
        text += ["```", str(curve), "```", ""]
        print(curve, flush=True)
    npl = read_collection(data.EVAL / "npl", depth=max(DEPTHS)).head(COST_QUERIES)
    cost = two_stage_cost("bm25", model, npl, n=100, ks=(10, 20, 50), timed=3, repeats=1)
    report["two_stage_cost"] = dataclasses.asdict(cost)
    text += ["```", str(cost), "```"]
    print(cost)
    report["seconds"] = round(time.perf_counter() - start)
    (data.RESULTS / "evaluation.json").write_text(json.dumps(report, indent=2) + "\n")
    (data.RESULTS / "evaluation.md").write_text("\n".join(text) + "\n")


def table(found: dict[str, Any]) -> list[str]:
    lines = [
        f"{found['collection']}, {found['queries']} queries, against {found['baseline']['name']}. "
        f"{found['limit']}",
        "",
        "| contender | metric | before | after | difference | 95 % interval | p (Holm) | "
        "better / equal / worse | answer |",
        "|---" * 9 + "|",
    ]
    for d in found["differences"]:
        figures = f"{d['baseline']:.4f} | {d['mean']:.4f} | {d['difference']:+.4f}"
        lines.append(
            f"| {d['contender']} | {d['metric']} | {figures} | [{d['low']:+.4f}, {d['high']:+.4f}]"
            f" | {d['p_corrected']:.4f} | {d['wins']} / {d['ties']} / {d['losses']} | "
            f"{d['answer']} |"
        )
    return [*lines, ""]


if __name__ == "__main__":
    main()
