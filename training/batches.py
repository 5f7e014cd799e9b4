"""From mined lists to batches: which queries and passages are read together in a step."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pairs
from augment import typed

POWER = 0.6
"""A source of n rows is drawn in proportion to n ** POWER ..."""
QUESTIONS = 3.0
"""... and so much more often if people asked its questions."""


@dataclass(frozen=True, slots=True)
class Lists:
    """What mine.py wrote."""

    passages: list[str]
    train: list[dict[str, Any]]
    develop: list[dict[str, Any]]
    unlabelled: list[dict[str, Any]]

    @classmethod
    def read(cls, folder: Path) -> Lists:
        try:
            passages = list(_lines(folder / "passages.jsonl"))
            found: dict[str, list[dict[str, Any]]] = defaultdict(list)
            for row in _lines(folder / "lists.jsonl"):
                if len(row["others"]) >= 4:
                    found[row["kind"]].append(row)
        except (OSError, ValueError, KeyError) as error:
            raise SystemExit(f"cannot read the lists in {folder}: {error}; run mine.py") from error
        missing = [k for k in ("train", "develop", "unlabelled") if not found[k]]
        if missing:
            raise SystemExit(f"{folder} holds no {' and no '.join(missing)} lists; run mine.py")
        return cls(passages, found["train"], found["develop"], found["unlabelled"])


@dataclass(frozen=True, slots=True)
class Batch:
    """Queries, labelled ones first, and the passages of all of them.

    Query i owns passages [i * each, (i + 1) * each); a labelled query's first is its positive.
    """

    queries: list[str]
    passages: list[str]
    places: list[int]
    groups: list[str | None]
    """Of the queries."""
    labelled: int
    each: int


def batches(lists: Lists, labelled: int, unlabelled: int, each: int, seed: int) -> Iterator[Batch]:
    """Endless. The same seed gives the same batches."""
    g = random.Random(seed)
    by_source: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in lists.train:
        by_source[row["source"]].append(row)
    rows = _mixed(by_source, dict.fromkeys(pairs.ASKED, QUESTIONS), g)
    logs: dict[str, list[dict[str, Any]]] = {"logs": lists.unlabelled}
    others = _mixed(logs, {}, g)
    while True:
        own = [next(rows) for _ in range(labelled)]
        more = [next(others) for _ in range(unlabelled)]
        places: list[int] = []
        for row in own:
            places += [row["positive"], *_sample(row["others"], each - 1, g)]
        for row in more:
            places += _sample(row["others"], each, g)
        yield Batch(
            [typed(row["query"], g) for row in own] + [row["query"] for row in more],
            [lists.passages[i] for i in places],
            places,
            [row.get("group") for row in (*own, *more)],
            labelled,
            each,
        )


def _lines(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _sample(others: list[int], n: int, g: random.Random) -> list[int]:
    """Half from BM25's best six, which are the hard ones, half from all."""
    hard = g.sample(others[:6], min(n - n // 2, len(others[:6])))
    rest = [i for i in others if i not in hard]
    found = hard + g.sample(rest, min(n - len(hard), len(rest)))
    return found + g.choices(others, k=n - len(found))


def _mixed(
    by_source: dict[str, list[dict[str, Any]]], more: dict[str, float], g: random.Random
) -> Iterator[dict[str, Any]]:
    """Rows of all sources, each source in a new random order whenever it is used up."""
    names = sorted(by_source)
    weights = [more.get(n, 1.0) * len(by_source[n]) ** POWER for n in names]
    left: dict[str, list[dict[str, Any]]] = {n: [] for n in names}
    while True:
        name = g.choices(names, weights)[0]
        if not left[name]:
            left[name] = g.sample(by_source[name], len(by_source[name]))
        yield left[name].pop()
