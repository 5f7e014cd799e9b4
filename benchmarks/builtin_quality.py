"""The built-in int8 model against the float32 weights that it came from: quality, speed, how far
its scores are from theirs, and whether a score depends on its batch.

    python benchmarks/builtin_quality.py [--weights training/runs/v1/chosen]

nDCG@10 on trec-dl19 and trec-dl21, BM25 top 100, NIST's judgements. Speed: the same pairs by each
in turn (A B C A B C ...), medians of rounds and of ratios within a round, tokenisation included.
ONNX Runtime's own dynamic quantisation is measured beside ours. Writes
benchmarks/results/builtin_quality.json and .md.
"""

from __future__ import annotations

import json
import logging
import random
import shutil
import statistics
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import data
from onnxruntime.quantization import QuantType, quantize_dynamic
from results_file import machine_load, markdown_table, parser, write_results
from rounds import rates_in_turn, ratio_of_rounds

from secondpass import OnnxCrossEncoder, Score, Scorer, TorchCrossEncoder
from secondpass.models.builtin.model import Builtin
from secondpass.models.export.export import export

COLLECTIONS = ("trec-dl19", "trec-dl21")
DEPTH, SPEED_PAIRS, ROUNDS, ALONE_PAIRS = 100, 400, 7, 200
FLOAT, BUILTIN = "float32 ONNX", "int8 built-in"
Rows = dict[str, dict[str, Any]]


def main(arguments: list[str] | None = None) -> None:
    options_of = parser(__doc__)
    options_of.add_argument("--weights", type=Path, default=data.ROOT / "training/runs/v1/chosen")
    options_of.add_argument("--speed-only", action="store_true", help="keep the stored quality")
    options = options_of.parse_args(arguments)
    if not options.weights.exists():
        print(f"skipped: {options.weights} is absent; training/make_builtin.py makes it")
        return
    data.needed(*(data.EVAL / c for c in COLLECTIONS))
    with tempfile.TemporaryDirectory() as scratch:
        scorers = create_scorers(options.weights, Path(scratch))
        rows: Rows = {name: {} for name in ("BM25", *scorers)}
        if options.speed_only:
            stored = options.results / "builtin_quality.json"
            rows = json.loads(stored.read_text(encoding="utf-8"))["models"]
        else:
            for name in COLLECTIONS:
                add_quality(scorers, name, rows)
        add_speed(scorers, rows)
    report = {
        "command": "python benchmarks/builtin_quality.py", "built_in": scorers[BUILTIN].name,
        **machine_load(), "models": rows,
    }  # fmt: skip
    write_results("builtin_quality", report, page(report), options.results)


def create_scorers(weights: Path, scratch: Path) -> dict[str, Scorer]:
    export(str(weights), scratch / "float")
    (scratch / "dynamic").mkdir()
    for name in ("tokenizer.json", "config.json"):
        shutil.copy(scratch / "float" / name, scratch / "dynamic")
    logging.disable(logging.WARNING)  # it advises on preprocessing, on the root log
    quantize_dynamic(
        scratch / "float/model.onnx", scratch / "dynamic/model.onnx", per_channel=True,
        weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul"],
    )  # fmt: skip
    return {
        "float32 torch": TorchCrossEncoder(weights),
        FLOAT: OnnxCrossEncoder(scratch / "float"),
        "int8 quantize_dynamic": OnnxCrossEncoder(scratch / "dynamic"),
        BUILTIN: Builtin(),
    }


def add_quality(scorers: dict[str, Scorer], collection: str, rows: Rows) -> None:
    rankings, qrels = data.rankings(collection, DEPTH)
    rows["BM25"][collection] = round(data.ndcg(qrels, {q: r.ids for q, r in rankings.items()}), 4)
    exact: dict[str, dict[str, float]] = {}
    for name, scorer in scorers.items():
        if name == "float32 torch":  # its export's scores are the same within .001
            continue
        reranked = dict(zip(rankings, Score(scorer).run(list(rankings.values())), strict=True))
        scores = {q: dict(zip(r.ids, r.scores, strict=True)) for q, r in reranked.items()}
        exact = exact or scores  # FLOAT is the first
        away = statistics.fmean(abs(scores[q][d] - exact[q][d]) for q in exact for d in exact[q])
        rows[name][collection] = round(data.ndcg(qrels, {q: r.ids for q, r in reranked.items()}), 4)
        rows[name][f"mean difference on {collection}"] = float(f"{away:.2g}")
        print(collection, name, rows[name][collection], flush=True)


def add_speed(scorers: dict[str, Scorer], rows: Rows) -> None:
    rankings, _ = data.rankings(COLLECTIONS[0], DEPTH)
    every = [(r.query, c.text) for r in rankings.values() for c in r]
    pairs = random.Random(0).sample(every, min(SPEED_PAIRS, len(every)))
    calls = {name: partial(scorer.score, pairs) for name, scorer in scorers.items()}
    rates = rates_in_turn(calls, len(pairs), ROUNDS)
    for name, scorer in scorers.items():
        alone = [scorer.score([pair])[0] for pair in pairs[:ALONE_PAIRS]]
        differences = [abs(a - b) for a, b in zip(alone, scorer.score(pairs), strict=False)]
        rows[name] |= {
            "pairs_per_second": round(statistics.median(rates[name]), 1),
            "times_float32_onnx": round(ratio_of_rounds(rates[name], rates[FLOAT]) or 0.0, 2),
            "alone_or_in_a_batch_max": float(f"{max(differences):.2g}"),
        }


def page(report: dict[str, Any]) -> list[str]:
    rows = report["models"]
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    return [
        f"`{report['command']}`: nDCG@10 of the BM25 top {DEPTH}, reranked; pairs per second, "
        f"medians of {ROUNDS} rounds in turn over {SPEED_PAIRS} pairs on "
        f"{report['processors']} processors; in logits, how far a score is from float32's, and how "
        "much it changes with its batch.",
        "",
        *markdown_table(
            ["scores by", *columns],
            [[name, *(row.get(c, "") for c in columns)] for name, row in rows.items()],
        ),
    ]


if __name__ == "__main__":
    main()
