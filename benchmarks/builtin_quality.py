"""The built-in int8 model against the float32 weights that it came from: quality, speed, how far
its scores are from theirs, and whether a score depends on its batch.

    python benchmarks/builtin_quality.py [--weights training/runs/v1/chosen]

nDCG@10 on trec-dl19 and trec-dl21, BM25 top 100, NIST's judgements. Speed: the same pairs by each
in turn (A B C A B C ...), medians of rounds and of ratios within a round, tokenisation included.
ONNX Runtime's own dynamic quantisation is measured beside ours. Writes
benchmarks/results/builtin_quality.json and .md.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import data
from onnxruntime.quantization import QuantType, quantize_dynamic

from secondpass import Candidate, OnnxCrossEncoder, Ranking, Score, Scorer, TorchCrossEncoder
from secondpass.models.builtin.model import Builtin
from secondpass.models.export.export import export

COLLECTIONS = ("trec-dl19", "trec-dl21")
DEPTH, SPEED_PAIRS, ROUNDS, ALONE_PAIRS = 100, 400, 7, 200
FLOAT, BUILTIN = "float32 ONNX", "int8 built-in"


def models(weights: Path, scratch: Path) -> dict[str, Scorer]:
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


def quality(scorers: dict[str, Scorer], name: str, rows: dict[str, dict[str, Any]]) -> None:
    corpus, queries, qrels = data.read(data.EVAL / name)
    found = data.candidates(data.EVAL / name, corpus, queries, qrels, DEPTH)
    rows["BM25"][name] = round(data.ndcg(qrels, found), 4)
    rankings = [
        Ranking.of(queries[q], [Candidate(d, corpus[d]) for d in docs]) for q, docs in found.items()
    ]
    exact: dict[str, dict[str, float]] = {}
    for which, scorer in scorers.items():
        if which == "float32 torch":  # its export's scores are the same within .001
            continue
        done = Score(scorer).run(rankings)
        scores = {
            q: dict(zip(r.ids, r.scores, strict=True)) for q, r in zip(found, done, strict=True)
        }
        exact = exact or scores  # FLOAT is the first
        away = statistics.fmean(abs(scores[q][d] - exact[q][d]) for q in exact for d in exact[q])
        rows[which][name] = round(
            data.ndcg(qrels, {q: r.ids for q, r in zip(found, done, strict=True)}), 4
        )
        rows[which][f"mean difference on {name}"] = float(f"{away:.2g}")
        print(name, which, rows[which][name], flush=True)


def speed(scorers: dict[str, Scorer], rows: dict[str, dict[str, Any]]) -> None:
    corpus, queries, qrels = data.read(data.EVAL / COLLECTIONS[0])
    found = data.candidates(data.EVAL / COLLECTIONS[0], corpus, queries, qrels, DEPTH)
    every = [(queries[q], corpus[d]) for q, docs in found.items() for d in docs]
    pairs = random.Random(0).sample(every, SPEED_PAIRS)
    rates: dict[str, list[float]] = {name: [] for name in scorers}
    for _ in range(ROUNDS):
        for name, scorer in scorers.items():
            start = time.perf_counter()
            together = scorer.score(pairs)
            rates[name].append(len(pairs) / (time.perf_counter() - start))
            rows[name].setdefault("together", together)
    for name, scorer in scorers.items():
        alone = [scorer.score([pair])[0] for pair in pairs[:ALONE_PAIRS]]
        away = [abs(a - b) for a, b in zip(alone, rows[name].pop("together"), strict=False)]
        ratios = [a / b for a, b in zip(rates[name], rates[FLOAT], strict=True)]
        rows[name] |= {
            "pairs_per_second": round(statistics.median(rates[name]), 1),
            "times_float32_onnx": round(statistics.median(ratios), 2),
            "alone_or_in_a_batch_max": float(f"{max(away):.2g}"),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=data.ROOT / "training/runs/v1/chosen")
    parser.add_argument("--speed-only", action="store_true", help="keep the stored quality")
    given = parser.parse_args()
    if not given.weights.exists():
        print(f"skipped: {given.weights} is absent; training/make_builtin.py makes it")
        return
    data.needed(*(data.EVAL / c for c in COLLECTIONS))
    stored = data.RESULTS / "builtin_quality.json"
    with tempfile.TemporaryDirectory() as scratch:
        scorers = models(given.weights, Path(scratch))
        rows: dict[str, dict[str, Any]] = {name: {} for name in ("BM25", *scorers)}
        if given.speed_only:
            rows = json.loads(stored.read_text())["models"]
        else:
            for name in COLLECTIONS:
                quality(scorers, name, rows)
        speed(scorers, rows)
    report = {
        "command": "python benchmarks/builtin_quality.py",
        "built_in": scorers[BUILTIN].name,
        "processors": len(os.sched_getaffinity(0)),
        "load_average": os.getloadavg()[0],
        "models": rows,
    }
    stored.write_text(json.dumps(report, indent=2) + "\n")
    columns = list(dict.fromkeys(c for row in rows.values() for c in row))
    lines = [
        f"`{report['command']}`: nDCG@10 of the BM25 top {DEPTH}, reranked; pairs per second, "
        f"medians of {ROUNDS} rounds in turn over {SPEED_PAIRS} pairs on "
        f"{report['processors']} processors; in logits, how far a score is from float32's, and how "
        "much it changes with its batch.",
        "",
        "| scores by | " + " | ".join(c.replace("_", " ") for c in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
        *(
            f"| {name} | " + " | ".join(str(row.get(c, "")) for c in columns) + " |"
            for name, row in rows.items()
        ),
    ]
    (data.RESULTS / "builtin_quality.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
