"""Where the texts come from: a collection, or made-up ones where there is none."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import data


@dataclass(frozen=True, slots=True)
class Source:
    """Passages, queries, the first stage's candidates, and grades where there are any."""

    name: str
    corpus: dict[str, str]
    queries: dict[str, str]
    found: data.Lists
    qrels: data.Qrels | None

    def ndcg(self, orders: data.Lists) -> float | None:
        """nDCG@10 over the queries of `orders`; None without grades."""
        return None if self.qrels is None else data.ndcg(self.qrels, orders)


def collection(folder: Path, depth: int) -> Source:
    """A collection's queries with judgements, and the BM25 top `depth` of each."""
    corpus, queries, qrels = data.read(folder)
    found = data.candidates(folder, corpus, queries, qrels, depth)
    found = {q: [d for d in docs if d in corpus] for q, docs in found.items()}
    return Source(f"BM25 top {depth} of {folder.name}", corpus, queries, found, qrels)


def random_source(vocabulary: Sequence[str], depth: int, *, queries: int = 40) -> Source:
    """Random words of the model's own vocabulary in passages of 20 to 110 words: for speed any
    words do, and there is no quality to measure."""
    g = random.Random(0)
    corpus = {str(i): " ".join(g.choices(vocabulary, k=g.randint(20, 110))) for i in range(10_000)}
    asked = {f"q{i}": " ".join(g.choices(vocabulary, k=6)) for i in range(queries)}
    found = {q: g.sample(list(corpus), depth) for q in asked}
    return Source("made-up passages", corpus, asked, found, None)
