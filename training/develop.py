"""How good a checkpoint is: nDCG@10 on development queries and on a collection.

    python training/develop.py FOLDER... [--collections trec-dl21] [--blend START]

Each text is encoded once, in float32 or bfloat16, so this is quicker than the public path and says
what the weights are worth before quantisation. --blend also tries weights between START's and
FOLDER's (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models", arXiv:2109.01903).
Checkpoints are chosen by these figures, never by trec-dl19.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path
from typing import Any

import pairs
import torch
from batches import Lists
from torch.nn import functional
from transformers import AutoTokenizer

from secondpass.models.late_interaction import LateInteractionBert

sys.path.insert(0, str(pairs.ROOT / "benchmarks"))
import data

QUERIES, CANDIDATES = 240, 10
Lists_ = tuple[str, dict[str, tuple[str, list[str]]], dict[str, str], data.Qrels]
"""Name; query and candidate ids by query id; texts by id; grades."""
Vectors = dict[str, torch.Tensor]


def development(folder: Path) -> Lists_:
    lists = Lists.read(folder)
    rows = random.Random(0).sample(lists.develop, QUERIES)
    asked, qrels = {}, {}
    for i, row in enumerate(rows):
        others = [p for p in row["others"] if p != row["positive"]][: CANDIDATES - 1]
        asked[f"q{i}"] = (row["query"], [str(p) for p in (*others, row["positive"])])
        qrels[f"q{i}"] = {str(row["positive"]): 1}
    used = {d for _, docs in asked.values() for d in docs}
    return "development", asked, {d: lists.passages[int(d)] for d in used}, qrels


def collection(name: str) -> Lists_:
    corpus, queries, qrels = data.read(data.EVAL / name)
    found = data.candidates(data.EVAL / name, corpus, queries, qrels, 100)
    asked = {q: (queries[q], docs) for q, docs in found.items()}
    return name, asked, {d: corpus[d] for docs in found.values() for d in docs}, qrels


def ndcg(network: LateInteractionBert, tokenizer: Any, lists: Lists_) -> float:
    return matched(network, lists, *vectors(network, tokenizer, lists))


@torch.no_grad()
def vectors(network: LateInteractionBert, tokenizer: Any, lists: Lists_) -> tuple[Vectors, Vectors]:
    """Of the queries and of the texts, [tokens, hidden] each."""
    _, asked, texts, _ = lists
    queries = encoded(network, tokenizer, {q: text for q, (text, _) in asked.items()})
    return queries, encoded(network, tokenizer, texts)


@torch.no_grad()
def matched(network: LateInteractionBert, lists: Lists_, queries: Vectors, docs: Vectors) -> float:
    """nDCG@10 of the order that the network's way to match makes of vectors."""
    _, asked, _, qrels = lists
    orders = {}
    for q, (_, ids) in asked.items():
        longest = max(len(docs[d]) for d in ids)
        rows = torch.stack(
            [functional.pad(docs[d].float(), (0, 0, 0, longest - len(docs[d]))) for d in ids]
        )
        mask = torch.tensor([[int(j < len(docs[d])) for j in range(longest)] for d in ids])
        query = queries[q].float()[None]
        ones = torch.ones(query.shape[:2], dtype=torch.long)
        scores = network.scores(query, ones, rows, mask)[0].tolist()
        orders[q] = [ids[i] for i in sorted(range(len(ids)), key=lambda i: -scores[i])]
    return data.ndcg(qrels, orders)


def encoded(network: LateInteractionBert, tokenizer: Any, texts: dict[str, str]) -> Vectors:
    ids = dict(
        zip(texts, tokenizer(list(texts.values()), truncation=True, max_length=256)["input_ids"],
            strict=True)
    )  # fmt: skip
    order, made = sorted(ids, key=lambda d: len(ids[d])), {}
    for start in range(0, len(order), 32):
        part = order[start : start + 32]
        width = len(ids[part[-1]])
        rows = torch.tensor([ids[d] + [0] * (width - len(ids[d])) for d in part])
        mask = torch.tensor([[1] * len(ids[d]) + [0] * (width - len(ids[d])) for d in part])
        with torch.autocast("cpu", torch.bfloat16):
            hidden = network.encode(rows, mask)
        made |= {d: v[: len(ids[d])] for d, v in zip(part, hidden, strict=True)}
    return made


def blended(start: LateInteractionBert, end: LateInteractionBert, share: float) -> dict[str, Any]:
    a, b = start.state_dict(), end.state_dict()
    return {k: torch.lerp(a[k], b[k], share) if a[k].is_floating_point() else b[k] for k in b}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--lists", type=Path, default=pairs.ROOT / "training/runs/lists")
    parser.add_argument("--collections", nargs="*", default=["trec-dl21"])
    parser.add_argument("--blend", type=Path, help="the bi-encoder that training started from")
    given = parser.parse_args()
    which = [development(given.lists), *map(collection, given.collections)]
    start = LateInteractionBert.from_bi_encoder(str(given.blend)).eval() if given.blend else None
    for folder in given.folders:
        network = LateInteractionBert.from_pretrained(folder).eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
        tried = {folder.name: network.state_dict()}
        if start is not None:
            tried |= {f"{folder.name} x {s}": blended(start, network, s) for s in (0.0, 0.3, 0.6)}
        for name, weights in tried.items():
            network.load_state_dict(weights)
            figures = {x[0]: round(ndcg(network, tokenizer, x), 4) for x in which}
            print(json.dumps({"weights": name} | figures), flush=True)


if __name__ == "__main__":
    main()
