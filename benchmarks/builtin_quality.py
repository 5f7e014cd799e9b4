"""What int8 costs the built-in model, and what it gains: nDCG@10, pairs per second, invariance.

    python benchmarks/builtin_quality.py

Reranks the BM25 top 100 of TREC Deep Learning 2019 and 2021 (passages; NIST's judgements, all
grades) with the original weights in torch, their float32 export, ONNX Runtime's own dynamic int8
for comparison, and the built-in file. Needs the collections and the weights in ../shared and skips
without them. Writes builtin_quality.json and .md in benchmarks/results, figures only.
"""

from __future__ import annotations

import gzip
import json
import logging
import os
import platform
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import onnxruntime
import torch
from ir_measures import nDCG
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer
from transformers import AutoModelForSequenceClassification

from secondpass.models.export import export

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
WEIGHTS = SHARED / "models" / "builtin-v0"
BUILTIN = ROOT / "src" / "secondpass" / "models" / "builtin"
RESULTS = Path(__file__).resolve().parent / "results"
COLLECTIONS = ("trec-dl19", "trec-dl21")
THREADS = min(2, os.cpu_count() or 1)
MAX_LENGTH, TOKEN_BUDGET = 512, 1024
SPEED_PAIRS, ROUNDS, INVARIANCE_PAIRS = 400, 5, 400
FLOAT, ROWWISE, PER_TENSOR = "float32 ONNX", "int8 built-in", "int8 quantize_dynamic"
Batch = dict[str, Any]


def collection(name: str) -> tuple[list[tuple[str, str, float]], list[tuple[str, str]], list[Any]]:
    """The BM25 run as (query id, document id, score), its pairs of texts, the judgements."""
    folder = SHARED / "data" / "eval" / name
    with gzip.open(folder / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    texts = {r["_id"]: f"{r.get('title') or ''} {r['text']}".strip() for r in rows}
    with (folder / "queries.jsonl").open(encoding="utf-8") as lines:
        queries = {r["_id"]: r["text"] for r in map(json.loads, lines)}
    with gzip.open(folder / "run.bm25.txt.gz", "rt", encoding="utf-8") as lines:
        run = [(q, d, float(s)) for q, _, d, _, s, _ in (line.split() for line in lines)]
    judged = list(ir_measures.read_trec_qrels(str(folder / "qrels_full.txt")))
    return run, [(queries[q], texts[d]) for q, d, _ in run], judged


def ndcg(run: list[tuple[str, str, float]], scores: Any, judged: list[Any]) -> float:
    """nDCG@10 of the run with these scores."""
    docs = [ir_measures.ScoredDoc(q, d, float(s)) for (q, d, _), s in zip(run, scores, strict=True)]
    return float(ir_measures.calc_aggregate([nDCG @ 10], judged, docs)[nDCG @ 10])


def packed(encoded: list[Any]) -> list[list[int]]:
    """Places in `encoded`, longest first, in batches of at most TOKEN_BUDGET padded tokens."""
    batches: list[list[int]] = []
    room = 0
    for i in sorted(range(len(encoded)), key=lambda i: -len(encoded[i].ids)):
        if room == 0:
            batches.append([])
            room = max(1, TOKEN_BUDGET // len(encoded[i].ids))
        batches[-1].append(i)
        room -= 1
    return batches


def padded(encoded: list[Any]) -> Batch:
    """int64 [batch, longest] arrays; padding is 0 in all three."""
    arrays = {n: np.zeros((len(encoded), max(len(e.ids) for e in encoded)), np.int64)
              for n in ("input_ids", "attention_mask", "token_type_ids")}  # fmt: skip
    for row, e in enumerate(encoded):
        for array, column in zip(
            arrays.values(), (e.ids, e.attention_mask, e.type_ids), strict=True
        ):
            array[row, : len(column)] = column
    return arrays


def scored(forward: Any, encoded: list[Any], batches: list[list[int]]) -> Any:
    """float32 [pairs]."""
    out = np.zeros(len(encoded), np.float32)
    for batch in batches:
        out[batch] = forward(padded([encoded[i] for i in batch]))
    return out


def onnx_model(path: Path) -> Any:
    """A function from a batch to logits."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(["logits"], batch)[0][:, 0]


def torch_model() -> Any:
    """The original weights, in float32."""
    torch.set_num_threads(THREADS)
    network = AutoModelForSequenceClassification.from_pretrained(WEIGHTS, dtype=torch.float32)
    network.eval()

    @torch.no_grad()
    def forward(batch: Batch) -> Any:
        return network(**{k: torch.from_numpy(v) for k, v in batch.items()}).logits[:, 0].numpy()

    return forward


def speeds(models: dict[str, Any], encoded: list[Any]) -> dict[str, list[float]]:
    """Pairs per second of each model in each round, the models taking turns within a round."""
    batches = packed(encoded)
    for forward in models.values():
        scored(forward, encoded, batches[:2])  # warm
    rates: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(ROUNDS):
        for name, forward in models.items():
            start = time.perf_counter()
            scored(forward, encoded, batches)
            rates[name].append(len(encoded) / (time.perf_counter() - start))
    return rates


def table(result: dict[str, Any]) -> str:
    """The figures as a Markdown table."""
    lines = [
        "# The built-in model: int8 against float32", "",
        "nDCG@10 of the BM25 top 100, reranked. Batch invariance: difference between the score "
        "of a pair by itself and in a length-sorted batch.", "",
        "| scores by | " + " | ".join(COLLECTIONS)
        + " | pairs/s | x float32 | MB | alone vs batch: max | mean | mean abs diff to torch |",
        "|---|" + "---|" * (len(COLLECTIONS) + 6),
    ]  # fmt: skip
    for name, row in result["models"].items():
        cells = [f"{row['ndcg@10'][c]:.4f}" for c in COLLECTIONS]
        keys = (("pairs_per_second", "{:.0f}"), ("speed_ratio", "{:.2f}"), ("megabytes", "{:.1f}"),
                ("invariance_max", "{:.2g}"), ("invariance_mean", "{:.2g}"),
                ("mean_difference_to_torch", "{:.2g}"))  # fmt: skip
        cells += [form.format(row[key]) if key in row else "" for key, form in keys]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    about = (
        f"{THREADS} threads, batches of {TOKEN_BUDGET} padded tokens, medians of {ROUNDS} "
        f"interleaved rounds over {SPEED_PAIRS} pairs of {COLLECTIONS[0]}; {result['processor']}, "
        f"onnxruntime {result['onnxruntime']}."
    )
    return "\n".join([*lines, "", about, ""])


def processor() -> str:
    """Its vector extensions matter here more than its name."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text().split() if info.is_file() else []
    found = [f for f in ("avx2", "avx512f", "avx512_vnni", "amx_int8") if f in flags]
    return f"{platform.machine()} with {' '.join(found) or 'unknown extensions'}"


def main() -> None:
    """Measure everything and write it down."""
    needed = [WEIGHTS, *(SHARED / "data" / "eval" / c for c in COLLECTIONS), BUILTIN / "model.onnx"]
    missing = [str(path) for path in needed if not path.exists()]
    if missing:
        raise SystemExit(f"skipped: needs {', '.join(missing)}")
    logging.disable(logging.WARNING)  # quantize_dynamic advises on preprocessing, on the root log
    with tempfile.TemporaryDirectory() as scratch:
        fp32, per_tensor = Path(scratch) / "fp32", Path(scratch) / "per_tensor.onnx"
        export(str(WEIGHTS), fp32)
        quantize_dynamic(fp32 / "model.onnx", per_tensor, per_channel=True, reduce_range=False,
                         weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul"])  # fmt: skip
        files = {FLOAT: fp32 / "model.onnx", PER_TENSOR: per_tensor,
                 ROWWISE: BUILTIN / "model.onnx"}  # fmt: skip
        exported = {name: onnx_model(path) for name, path in files.items()}
        sizes = {name: path.stat().st_size / 1e6 for name, path in files.items()}
    tokenizer = Tokenizer.from_file(str(BUILTIN / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_LENGTH, strategy="only_second")
    result = measured({"torch float32": torch_model(), **exported}, exported, tokenizer)
    for name, size in sizes.items():
        result["models"][name]["megabytes"] = size
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "builtin_quality.json").write_text(json.dumps(result, indent=2) + "\n")
    (RESULTS / "builtin_quality.md").write_text(table(result))
    print(table(result))


def measured(models: dict[str, Any], timed: dict[str, Any], tokenizer: Any) -> dict[str, Any]:
    """Quality of all `models`; speed and invariance of those `timed`."""
    rows: dict[str, dict[str, Any]] = {name: {"ndcg@10": {}} for name in ("BM25", *models)}
    for c in COLLECTIONS:
        run, pairs, judged = collection(c)
        encoded = tokenizer.encode_batch(pairs)
        rows["BM25"]["ndcg@10"][c] = ndcg(run, [s for *_, s in run], judged)
        scores = {name: scored(forward, encoded, packed(encoded))
                  for name, forward in models.items()}  # fmt: skip
        for name, found in scores.items():
            rows[name]["ndcg@10"][c] = ndcg(run, found, judged)
            print(c, name, rows[name]["ndcg@10"][c], flush=True)
        if c != COLLECTIONS[0]:
            continue
        for name, found in scores.items():
            away = np.abs(found - scores["torch float32"])
            rows[name]["mean_difference_to_torch"] = float(away.mean())
            rows[name]["max_difference_to_torch"] = float(away.max())
        some = random.Random(0).sample(range(len(encoded)), INVARIANCE_PAIRS)
        for name, forward in timed.items():
            alone = np.array([forward(padded([encoded[i]]))[0] for i in some])
            away = np.abs(alone - scores[name][some])
            rows[name]["invariance_max"] = float(away.max())
            rows[name]["invariance_mean"] = float(away.mean())
        some = random.Random(1).sample(range(len(encoded)), SPEED_PAIRS)
        rates = speeds(timed, [encoded[i] for i in some])
        for name, found in rates.items():
            ratios = [a / b for a, b in zip(found, rates[FLOAT], strict=True)]
            rows[name]["pairs_per_second"] = statistics.median(found)
            rows[name]["speed_ratio"] = statistics.median(ratios)
            rows[name]["speed_rounds"] = found
    return {
        "models": rows,
        "threads": THREADS,
        "processor": processor(),
        "onnxruntime": onnxruntime.__version__,
    }


if __name__ == "__main__":
    main()
