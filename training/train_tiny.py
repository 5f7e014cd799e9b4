"""Train builtin-tiny from splade-tiny on labelled pairs, and go part of the way back.

    python training/train_tiny.py [--minutes 12] [--out runs/tiny]

Each step takes 32 queries of one source, the passages that answer them, and asks which is whose
(InfoNCE): those of one source are much alike. What is scored is what ships: the words that a query
stands for, the heaviest TERMS of them, times the weight that each passage gives them, divided by
the norm of the query's. Web queries have no labels here, so the weights that are kept lie SHARE of
the way from the untrained to the trained ones (Wortsman et al. 2022, arXiv:2109.01903).
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path
from typing import Any

import pairs
import start
import torch
from tokenizers import Tokenizer
from torch.nn import functional
from transformers import AutoModelForMaskedLM

HERE = Path(__file__).parent
QUERIES, TERMS, SCALE = 32, 48, 2.0
LONGEST = {"query": 32, "text": 112}
RATE, WARM_UP, SHARE = 2e-4, 50, 0.5
SKIPPED = (pairs.FIT, pairs.MEASURE, pairs.DEVELOP)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=pairs.DATA)
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--out", type=Path, default=HERE / "runs/tiny")
    given = parser.parse_args()
    torch.manual_seed(0)
    folder = start.splade()
    network = AutoModelForMaskedLM.from_pretrained(folder)
    untrained = {name: value.clone() for name, value in network.state_dict().items()}
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    by_source = sources(given.data / "train")
    train(network.eval(), tokenizer, by_source, given.minutes * 60)  # without dropout
    ended = network.state_dict()
    for share, name in ((SHARE, "chosen"), (1.0, "last")):
        blend = {k: torch.lerp(untrained[k], v, share) for k, v in ended.items()}
        network.load_state_dict(blend)
        network.save_pretrained(given.out / name)
    network.load_state_dict(ended)


def sources(folder: Path) -> dict[str, list[pairs.Row]]:
    by_source: dict[str, list[pairs.Row]] = {}
    for row in pairs.rows(folder):
        if row.part not in SKIPPED:
            by_source.setdefault(row.source, []).append(row)
    return {s: rows for s, rows in by_source.items() if len(rows) >= 4 * QUERIES}


def train(network: Any, tokenizer: Tokenizer, by_source: Any, seconds: float) -> None:
    chance = random.Random(0)
    names = sorted(by_source)
    # questions that people asked three times as often, as for the larger model
    shares = [len(by_source[s]) ** 0.5 * (3 if s in pairs.ASKED else 1) for s in names]
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.01)
    begun, step, mean = time.monotonic(), 0, 0.0
    while (passed := time.monotonic() - begun) < seconds:
        (source,) = chance.choices(names, shares)
        rows = chance.sample(by_source[source], QUERIES)
        scores = match(
            network,
            *read(network, tokenizer, [r.query for r in rows], "query"),
            *read(network, tokenizer, [r.positive for r in rows], "text"),
        )
        same = torch.tensor([[a.positive == b.positive for b in rows] for a in rows])
        scores = scores.masked_fill(same & ~torch.eye(QUERIES, dtype=torch.bool), -1e4)
        loss = functional.cross_entropy(SCALE * scores, torch.arange(QUERIES))
        rate = RATE * min((step + 1) / WARM_UP, 1.0) * max(0.05, 1 - passed / seconds)
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        mean = 0.98 * mean + 0.02 * loss.item() if step else loss.item()
        step += 1
        if step % 20 == 0:
            print(json.dumps({"step": step, "seconds": round(passed), "loss": round(mean, 4)}),
                  flush=True)  # fmt: skip


def read(network: Any, tokenizer: Tokenizer, texts: list[str], kind: str) -> tuple[Any, Any]:
    """States [texts, tokens, hidden] and their mask."""
    tokenizer.enable_truncation(LONGEST[kind])
    tokenizer.enable_padding()
    encoded = tokenizer.encode_batch(texts)
    ids = torch.tensor([e.ids for e in encoded])
    mask = torch.tensor([e.attention_mask for e in encoded])
    hidden = network.bert(input_ids=ids, attention_mask=mask).last_hidden_state
    return network.cls.predictions.transform(hidden), mask


def match(network: Any, queries: Any, query_mask: Any, texts: Any, text_mask: Any) -> Any:
    """Scores [queries, texts]."""
    table, bias = network.cls.predictions.decoder.weight, network.cls.predictions.bias
    said = queries @ table.T + (query_mask[..., None] - 1) * 1e4
    weights, terms = torch.log1p(torch.relu(said.max(1).values + bias)).topk(TERMS)
    weights = functional.normalize(weights, dim=-1)
    products = torch.einsum("tsh,qkh->tqks", texts, table[terms])
    closed = (1 - text_mask)[:, None, None] * 1e4
    most = (products - closed).max(-1).values + bias[terms]
    return (torch.log1p(torch.relu(most)) * weights).sum(-1).T


if __name__ == "__main__":
    main()
