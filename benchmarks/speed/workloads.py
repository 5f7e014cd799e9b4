"""The lists that are ranked, built from a source: the same for every contender and every run."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from tokenizers import Tokenizer

from speed.sizes import Sizes
from speed.source import Source

LONGEST, SHORTEST, LONGEST_DOCUMENT = 512, 10, 2000
"""Tokens that a model reads of a pair; words of the long workload's documents."""


class List(TypedDict):
    """A query and its candidates.

    `tokens` is the sum over pairs of what the model must read, no padding; `squares` the sum of
    their squares, for the arithmetic of attention.
    """

    query: str
    texts: list[str]
    ids: list[str]
    of: str
    tokens: int
    squares: int


Workloads = dict[str, list[List]]


class Counter:
    """Tokens of pairs, each text tokenised once."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.special = self.tokenizer.num_special_tokens_to_add(is_pair=True)
        self.known: dict[str, int] = {}

    def lengths(self, query: str, texts: Sequence[str]) -> list[int]:
        new = [t for t in dict.fromkeys([query, *texts]) if t not in self.known]
        for text, made in zip(
            new, self.tokenizer.encode_batch_fast(new, add_special_tokens=False), strict=True
        ):
            self.known[text] = len(made)
        around = self.known[query] + self.special
        return [min(LONGEST, around + self.known[t]) for t in texts]

    def words(self) -> list[str]:
        """Plain words of the vocabulary."""
        found = (w for w in self.tokenizer.get_vocab() if w.isascii() and w.isalpha())
        return sorted(w for w in found if 2 < len(w) < 12)


def build(source: Source, sizes: Sizes, counter: Counter) -> Workloads:
    """Every workload by name."""
    g = random.Random(7)
    every = sorted(source.corpus)
    queries = sorted(source.found)[: sizes.short_queries]

    def listed(q: str, ids: Sequence[str], texts: Sequence[str] | None = None) -> List:
        given = [source.corpus[d] for d in ids] if texts is None else list(texts)
        lengths = counter.lengths(source.queries[q], given)
        return List(
            query=source.queries[q], texts=given, ids=list(ids), of=q, tokens=sum(lengths),
            squares=sum(n * n for n in lengths),
        )  # fmt: skip

    def some(count: int) -> List:
        return listed(g.choice(queries), g.sample(every, min(count, len(every))))

    def ten(i: int) -> List:
        q = queries[i % len(queries)]
        return listed(q, g.sample(source.found[q], min(10, len(source.found[q]))))

    made: Workloads = {
        "short": [listed(q, source.found[q][: sizes.short_depth]) for q in queries],
        "ten": [ten(i) for i in range(sizes.ten_lists)],
        "hundred": [some(max(1, sizes.thousand // 10))],
        "thousand": [some(sizes.thousand)],
        "eight": [some(sizes.eight_depth) for _ in range(8)],
    }
    made["long"] = []
    for _ in range(sizes.long_rounds):
        texts = [_joined(source, every, n, g) for n in _lengths(sizes.long_documents, g)]
        ids = [str(i) for i in range(len(texts))]
        made["long"].append(listed(g.choice(queries), ids, texts))
    for depth, lists in sizes.depths:
        made[f"depth {depth}"] = [some(depth) for _ in range(lists)]
    return made


def _lengths(count: int, g: random.Random) -> list[int]:
    """Words a document: evenly spread in the logarithm between the two ends, in random order."""
    ratio = LONGEST_DOCUMENT / SHORTEST
    steps = max(1, count - 1)
    lengths = [round(SHORTEST * ratio ** (i / steps)) for i in range(count)]
    g.shuffle(lengths)
    return lengths


def _joined(source: Source, every: Sequence[str], words: int, g: random.Random) -> str:
    """Passages one after the other, cut to so many words."""
    made: list[str] = []
    while len(made) < words:
        made.extend(source.corpus[g.choice(every)].split())
    return " ".join(made[:words])
