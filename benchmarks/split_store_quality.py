"""What a smaller store costs in nDCG@10: tokens pooled, and fewer bits; see `split_store.py`.

Pooling: Clavié, Chaffin & Adams 2024, "Reducing the Footprint of Multi-Vector Retrieval with
Minimal Performance Impact via Token Pooling", arXiv:2409.14683: Ward's clusters of a text's token
vectors, n/2 or n/3 of them; beside it pairs of neighbours, and pairs of the most similar. The mean
vector stays in 8 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import data
import numpy as np
from results_file import machine_load, markdown_table, write_results

from secondpass import Ranking
from secondpass.models.builtin.model import Builtin
from secondpass.models.onnx import late_interaction as late
from secondpass.models.onnx.maxsim import TextVectors, logits

Floats = Any
DEPTH = 100


def normalised(rows: Floats) -> Floats:
    return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-9)


def neighbours(rows: Floats, factor: int = 2) -> Floats:
    return normalised(np.add.reduceat(rows, range(0, len(rows), factor), axis=0))


def similar_pairs(rows: Floats) -> Floats:
    """Mutually most similar ones first, until all but at most one are in a pair."""
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -np.inf)
    left, pooled = list(range(len(rows))), []
    while len(left) > 1:
        own = cosines[np.ix_(left, left)]
        nearest = own.argmax(1)
        pairs = [(i, j) for i, j in enumerate(nearest) if i < j and nearest[j] == i]
        if not pairs:  # ties
            pairs = [(0, int(nearest[0]))]
        pooled += [rows[left[i]] + rows[left[j]] for i, j in pairs]
        gone = {k for pair in pairs for k in pair}
        left = [one for k, one in enumerate(left) if k not in gone]
    return normalised(np.array(pooled + [rows[one] for one in left]))


def ward(rows: Floats, factor: int) -> Floats:
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(rows) < 3:
        return rows
    labels = fcluster(linkage(rows, "ward"), max(1, -(-len(rows) // factor)), "maxclust")
    return normalised(np.array([rows[labels == label].sum(0) for label in np.unique(labels)]))


POOLS: dict[str, Callable[[Floats], Floats]] = {
    "none": lambda rows: rows,
    "neighbours, 2": neighbours,
    "similar pairs": similar_pairs,
    "Ward, 2": lambda rows: ward(rows, 2),
    "Ward, 3": lambda rows: ward(rows, 3),
}


def quantised(rows: Floats, bits: int) -> Floats:
    """One scale a vector; below 8 bits the scale with the least error of a few, and no zero."""
    if bits == 32:
        return rows
    if bits == 8:
        scale = np.abs(rows).max(1, keepdims=True) / 127
        return np.rint(rows / np.maximum(scale, 1e-9)).clip(-127, 127) * scale
    levels = 2 ** (bits - 1)
    best, least = rows, np.full(len(rows), np.inf)
    for share in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        scale = np.abs(rows).max(1, keepdims=True) * share / (levels - 0.5)
        steps = np.floor(rows / np.maximum(scale, 1e-9)).clip(-levels, levels - 1)
        tried = (steps + 0.5) * scale
        error = ((tried - rows) ** 2).sum(1)
        best = np.where((error < least)[:, None], tried, best)
        least = np.minimum(least, error)
    return best


def encode(model: Builtin, texts: Sequence[str], outputs: Sequence[str], read: Any) -> Any:
    vectors: dict[str, Any] = {}
    for start in range(0, len(texts), 512):
        rows = model._encoder.rows(model._encoder.tokenize(texts[start : start + 512]))
        for batch, values in model._session.run(outputs, [ids for _, ids in rows]):
            vectors |= read([rows[i] for i in batch], values)
    return vectors


def measure_quality(collections: Sequence[str], results: Path) -> None:
    """Write split_store_quality.json and .md for some of the evaluation collections."""
    data.needed(*(data.EVAL / name for name in collections))
    model = Builtin()
    rows = []
    for name in collections:
        rankings, qrels = data.rankings(name, DEPTH)
        texts = list(dict.fromkeys(c.text for r in rankings.values() for c in r))
        queries = encode(
            model, [r.query for r in rankings.values()], late.PARTS, late._query_vectors
        )
        vectors = encode(model, texts, late.PARTS[:2], late._text_vectors)
        exact: Floats = None
        for pool, pooled_by in POOLS.items():
            pooled = {text: pooled_by(one.vectors) for text, one in vectors.items()}
            for bits in (32, 8, 4):
                small = {
                    text: TextVectors(
                        quantised(one, bits).astype(np.float32),
                        quantised(vectors[text].mean[None], 8)[0].astype(np.float32),
                    )
                    for text, one in pooled.items()
                }
                scores = {q: score(model, queries, r, small) for q, r in rankings.items()}
                orders = {
                    q: [rankings[q][i].id for i in np.argsort(-values, kind="stable")]
                    for q, values in scores.items()
                }
                every = np.concatenate(list(scores.values()))
                exact = every if exact is None else exact
                tokens = np.mean([len(one) for one in pooled.values()])
                hidden = len(next(iter(vectors.values())).mean)
                rows.append({
                    "collection": name, "pooling": pool, "bits": bits,
                    "nDCG@10": round(data.ndcg(qrels, orders), 4),
                    "bytes_a_passage": round(float(tokens * (hidden * bits / 8 + 2) + hidden + 2)),
                    "mean_logit_difference": round(float((every - exact).mean()), 3),
                    "mean_absolute_difference": round(float(np.abs(every - exact).mean()), 3),
                })  # fmt: skip
                print(rows[-1], flush=True)
    command = "python benchmarks/split_store.py --quality " + " ".join(collections)
    report = {"command": command, "built_in": model.name, **machine_load(), "rows": rows}
    page = [
        "# Smaller stores",
        "",
        f"`{command}`: BM25 top {DEPTH}, reranked from vectors that were pooled and quantised.",
        "",
        *markdown_table(list(rows[0]), [list(row.values()) for row in rows]),
    ]
    write_results("split_store_quality", report, page, results)


def score(model: Builtin, queries: Any, ranking: Ranking, texts: Any) -> Floats:
    return logits(queries[ranking.query], [texts[c.text] for c in ranking], model._weights)
