"""Questions about secondpass's own documentation, and which passages answer them.

    from labels import collection, labels, passages

    asked = labels("question")
    topics = collection(asked, by_vectors([label.query for label in asked], depth=20))

`labels.jsonl` was written and judged by the authors, by hand: each question as a user would ask
it, and for each the passages that answer it, found by reading the whole corpus and then the first
five that BM25 and the vectors brought. One person judged, nobody checked; passages that answer
only a small part count as not relevant. The kinds are ``question``, ``unanswerable`` (nothing in
the corpus answers it) and ``keyword`` (an identifier or a citation, as one types into a search
field).

The 46 look-ups of kind ``keyword`` were not all made in that way. There were 24; after a first look
at results on them 22 were added, and for these nobody read what BM25 and the vectors brought. Which
are which was not recorded, so a test on all of them gives too small a p-value (see notebook 5).

A passage is named by its source and some words of it. The pages under docs/ were written after the
labels and are left out. The corpus is a file (`corpus.jsonl`), so neither the library's names nor
its docstrings change a figure.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from ingredients.corpus import Passage, own_documentation
from secondpass import Candidate, Ranking
from secondpass.evaluate import BM25Index, Collection, Topic

FILE = Path(__file__).parent / "labels.jsonl"
Kind = Literal["question", "unanswerable", "keyword"]
Found = Sequence[Sequence[str]]
"""For each query the ids of the passages that a first stage found, best first."""


@dataclass(frozen=True, slots=True)
class Label:
    """A query and the keys, ``source :: words``, of the passages that answer it."""

    query: str
    kind: Kind
    keys: tuple[str, ...]


@cache
def passages() -> tuple[Passage, ...]:
    """What was judged: secondpass's READMEs and docstrings."""
    return tuple(p for p in own_documentation() if not p.source.startswith("docs/"))


def labels(*kinds: Kind) -> list[Label]:
    """All labels of these kinds, in the file's order."""
    rows = map(json.loads, FILE.read_text("utf-8").splitlines())
    known = (Label(row["query"], row["kind"], tuple(row["relevant"])) for row in rows)
    return [label for label in known if label.kind in kinds]


def keyed(key: str) -> list[str]:
    """Ids of the passages that a key names."""
    source, _, words = key.partition(" :: ")
    return [p.id for p in passages() if p.source == source and words in " ".join(p.text.split())]


def collection(asked: Sequence[Label], found: Found, name: str = "own documentation") -> Collection:
    """What was found for each query, with its labels; candidates are read with their titles."""
    texts = {p.id: f"{p.title}\n{p.text}" for p in passages()}
    topics = []
    for number, (label, ids) in enumerate(zip(asked, found, strict=True)):
        grades = {id: 1 for key in label.keys for id in keyed(key)}
        ranking = Ranking.of(label.query, [Candidate(id, texts[id]) for id in ids])
        # that nothing answers a query is a judgement too
        topics.append(Topic(f"q{number:02}", ranking, grades or {passages()[0].id: 0}))
    return Collection(name, tuple(topics))


def by_bm25(queries: Sequence[str], depth: int) -> list[list[str]]:
    """The best passages by keywords."""
    index = BM25Index([f"{p.title}\n{p.text}" for p in passages()])
    return [[passages()[i].id for i, _ in matches] for matches in index.search(queries, depth)]


def by_vectors(queries: Sequence[str], depth: int) -> list[list[str]]:
    """The nearest passages by all-MiniLM-L6-v2, from Chroma."""
    from ingredients.vectors import STORE, chroma, embed

    store = chroma(STORE, passages())
    return store.query(query_embeddings=embed(queries), n_results=depth, include=[])["ids"]
