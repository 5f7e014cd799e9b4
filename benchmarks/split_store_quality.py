"""What a smaller store costs in nDCG@10: tokens pooled, and fewer bits; see `split_store.py`.

Pooling: Clavié, Chaffin & Adams 2024, "Reducing the Footprint of Multi-Vector Retrieval with
Minimal Performance Impact via Token Pooling", arXiv:2409.14683: Ward's clusters of a text's token
vectors, n/2 or n/3 of them; beside it pairs of neighbours, and pairs of the most similar. The
vector of the whole text stays in 8 bits, and the words of the sparse scores as they are.
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
from secondpass.models.onnx.maxsim import TextVectors
from secondpass.models.onnx.packing import pack_levels, unpack_levels

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


def ward(rows: Floats, factor: float) -> Floats:
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(rows) < 3:
        return rows
    labels = fcluster(linkage(rows, "ward"), max(1, round(len(rows) / factor)), "maxclust")
    return normalised(np.array([rows[labels == label].sum(0) for label in np.unique(labels)]))


POOLS: dict[str, tuple[Callable[[Floats], Floats], Sequence[int]]] = {
    "none": (lambda rows: rows, (0, 255, 16, 4, 3, 2)),
    "neighbours, 2": (neighbours, (255, 16)),
    "similar pairs": (similar_pairs, (255, 16)),
    "Ward, 2": (lambda rows: ward(rows, 2), (255, 16, 4)),
    "Ward, 3": (lambda rows: ward(rows, 3), (16,)),
}
"""How, and how many levels a dimension has then; 0: float32."""
BYTES_OF_384 = {0: 1536, 255: 386, 16: 194, 4: 98, 3: 79, 2: 50}
"""Of a vector, its scale included; of three levels five fit into a byte."""


def quantised(rows: Floats, levels: int) -> Floats:
    """In levels that are `STEPS` of the root mean square apart."""
    if not levels:
        return rows
    if levels == 255:
        scale = np.maximum(np.abs(rows).max(1, keepdims=True) / 127, 1e-9)
        return np.rint(rows / scale).clip(-127, 127) * scale
    return unpack_levels(pack_levels(rows, levels), rows.shape[1], levels)


def read_texts(model: Builtin, texts: Sequence[str]) -> dict[str, tuple[TextVectors, bytes]]:
    """What the model says of each text: its vectors, and its words as they are stored."""
    terms = model._matching.parts[1]
    read: dict[str, tuple[TextVectors, bytes]] = {}
    for start in range(0, len(texts), 512):
        rows = model._encoder.text_rows(model._encoder.tokenize(texts[start : start + 512]))
        outputs = model._matching.text_outputs
        for batch, said in model._session.run(outputs, [ids for _, ids in rows]):
            for text, (vectors, states) in model._texts(rows, batch, said).items():
                own = TextVectors(vectors.vectors.copy(), vectors.mean.copy())  # not the batch
                read[text] = own, terms.pack(states)
    return read


def read_queries(model: Builtin, queries: Sequence[str]) -> dict[str, Any]:
    """What the model says of each query."""
    matching, read = model._matching, {}
    rows = model._encoder.query_rows(model._encoder.tokenize(queries))
    for batch, said in model._session.run(matching.query_outputs, [ids for _, ids in rows]):
        for i, *own in zip(batch, *said, strict=True):
            query, ids = rows[i]
            states = {"word_states": own[-1][: len(ids)]}
            own[-1:] = matching.head(matching.head_outputs, states)
            read[query] = matching.read_query(len(ids), own)
    return read


def read_collection(model: Builtin, name: str) -> tuple[Any, ...]:
    """Rankings, grades, texts, and what the model says of the queries and of the texts."""
    rankings, qrels = data.rankings(name, DEPTH)
    texts = list(dict.fromkeys(c.text for r in rankings.values() for c in r))
    queries = read_queries(model, [r.query for r in rankings.values()])
    return rankings, qrels, texts, queries, read_texts(model, texts)


def measure_quality(collections: Sequence[str], results: Path) -> None:
    """Write split_store_quality.json and .md for some of the evaluation collections."""
    data.needed(*(data.EVAL / name for name in collections))
    model = Builtin()
    rows = []
    for name in collections:
        rankings, qrels, texts, queries, read = read_collection(model, name)
        exact: Floats = None
        for pool, (pooled_by, levels_of) in POOLS.items():
            pooled = {text: pooled_by(one.vectors) for text, (one, _) in read.items()}
            for levels in levels_of:
                scores = {
                    q: score(model, queries[r.query], r, read, pooled, levels)
                    for q, r in rankings.items()
                }
                orders = {
                    q: [rankings[q][i].id for i in np.argsort(-values, kind="stable")]
                    for q, values in scores.items()
                }
                every = np.concatenate(list(scores.values()))
                exact = every if exact is None else exact
                tokens = np.mean([len(one) for one in pooled.values()])
                hidden = len(read[texts[0]][0].mean)  # 384
                words = np.mean([len(packed) for _, packed in read.values()])
                size = tokens * BYTES_OF_384[levels] + hidden + 2 + words + 8
                slope, offset = np.polyfit(every, exact, 1)
                rows.append({
                    "collection": name, "pooling": pool, "levels": levels,
                    "nDCG@10": round(data.ndcg(qrels, orders), 4),
                    "bytes_a_passage": round(float(size)),
                    "mean_logit_difference": round(float((every - exact).mean()), 3),
                    "mean_absolute_difference": round(float(np.abs(every - exact).mean()), 3),
                    "slope": round(float(slope), 3), "offset": round(float(offset), 3),
                    "mean_difference_then": round(
                        float(np.abs(slope * every + offset - exact).mean()), 3
                    ),
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


def score(
    model: Builtin, query: Any, ranking: Ranking, read: Any, pooled: Any, levels: int
) -> Floats:
    """Logits of a ranking's texts, of what is left of them."""
    tokens, terms = model._matching.parts
    texts = [
        TextVectors(
            quantised(pooled[c.text], levels).astype(np.float32),
            quantised(read[c.text][0].mean[None], 255 if levels else 0)[0].astype(np.float32),
        )
        for c in ranking
    ]
    words = [terms.unpack(read[c.text][1]) for c in ranking]
    return tokens.scores(query[0], texts) + terms.scores(query[1], words)
