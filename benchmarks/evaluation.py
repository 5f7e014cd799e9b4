"""Does reranking help? BM25's order against the built-in model and a hybrid of both.

    python benchmarks/evaluation.py

trec-dl21 with its BM25 run, cranfield and lisa with BM25 made here; some queries of each, so that
it takes minutes. Then quality and latency against depth, on npl, where reranking helps, and on
lisa, where it does not, and the arithmetic of two stages on npl. Times are this machine's.

Writes benchmarks/results/evaluation.json, .md and plots; no text of the collections.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import data
from results_file import machine_load, markdown_table, parser, write_results

from secondpass import Fuse, Score, Stage, TrailScore, load
from secondpass.evaluate import (
    DepthCurve,
    compare,
    depth_curve,
    read_collection,
    two_stage_cost,
)

COLLECTIONS: dict[str, dict[str, Any]] = {
    "trec-dl21": {"run": "run.bm25.txt.gz", "relevant_from": 2, "depth": 100},
    "cranfield": {"depth": 50},
    "lisa": {"depth": 30},
}
QUERIES = {"trec-dl21": 24, "cranfield": 30, "lisa": 35}
DEPTHS, COST_QUERIES = (10, 20, 50, 100, 200), 20
CURVES = {"npl": 30, "lisa": 10}
"""Collections for quality against depth, and how many queries of each: lisa's texts are long."""


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__).parse_args(arguments)
    data.needed(*(data.EVAL / name for name in COLLECTIONS))
    options.results.mkdir(parents=True, exist_ok=True)  # the plots come first
    start = time.perf_counter()
    model = load("builtin")
    report: dict[str, Any] = {"command": "python benchmarks/evaluation.py", **machine_load()}
    lines = [f"`{report['command']}`: {model.name}", ""]
    report["collections"] = {name: compare_on(name) for name in COLLECTIONS}
    for comparison in report["collections"].values():
        lines += table(comparison)
    report["depth"] = {}
    for name, queries in CURVES.items():
        curve = curve_on(name, queries, model, options.results)
        report["depth"][name] = dataclasses.asdict(curve) | {"sentence": curve.sentence}
        lines += ["```", str(curve), "```", ""]
    npl = read_collection(data.EVAL / "npl", depth=max(DEPTHS)).head(COST_QUERIES)
    cost = two_stage_cost("bm25", model, npl, n=100, ks=(10, 20, 50), timed=3, repeats=1)
    report["two_stage_cost"] = dataclasses.asdict(cost)
    lines += ["```", str(cost), "```"]
    report["seconds"] = round(time.perf_counter() - start)
    write_results("evaluation", report, lines, options.results)


def compare_on(name: str) -> dict[str, Any]:
    """The built-in model and a hybrid against BM25's order, as plain values."""
    collection = read_collection(data.EVAL / name, **COLLECTIONS[name]).head(QUERIES[name])
    built_in = load("builtin", cache=100_000)  # the hybrid needs the same scores again
    source = collection[0].ranking[0].trail[0].stage
    hybrid = Fuse(Score(TrailScore(source)), built_in, normalise="z-score")
    comparison = compare(collection, None, {"built-in": built_in, "hybrid": hybrid})
    print(name, *comparison.verdicts.values(), comparison.limit, sep="\n", flush=True)
    plain = comparison.to_dict()
    for contender in plain["contenders"].values():
        del contender["seconds"]  # cached scores would flatter the hybrid
    return plain


def curve_on(name: str, queries: int, model: Stage, folder: Path) -> DepthCurve:
    """Quality and latency by depth, and their plot."""
    collection = read_collection(data.EVAL / name, depth=max(DEPTHS)).head(queries)
    curve = depth_curve(model, collection, DEPTHS, timed=3, repeats=2)
    curve.figure().savefig(folder / f"evaluation-{name}.png", dpi=130)
    print(curve, flush=True)
    return curve


def table(comparison: dict[str, Any]) -> list[str]:
    head = [
        "contender", "metric", "before", "after", "difference", "95 % interval", "p (Holm)",
        "better / equal / worse", "answer",
    ]  # fmt: skip
    rows = [
        [
            d["contender"], d["metric"], f"{d['baseline']:.4f}", f"{d['mean']:.4f}",
            f"{d['difference']:+.4f}", f"[{d['low']:+.4f}, {d['high']:+.4f}]",
            f"{d['p_corrected']:.4f}", f"{d['wins']} / {d['ties']} / {d['losses']}", d["answer"],
        ]
        for d in comparison["differences"]
    ]  # fmt: skip
    return [
        f"{comparison['collection']}, {comparison['queries']} queries, against "
        f"{comparison['baseline']['name']}. {comparison['limit']}",
        "",
        *markdown_table(head, rows),
        "",
    ]


if __name__ == "__main__":
    main()
