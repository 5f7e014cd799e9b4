"""How high a threshold may be before questions lose their answers: nothing is fitted here.

Of the queries that have a relevant candidate, the share that lose all of them at a threshold; and
of all candidates, the share that stays. The lists of `docstrings` are questions over the docstrings
of Python libraries, a source that the shipped calibrators were not fitted on.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

import data

from secondpass import Candidate, JudgedQuery, Ranking
from secondpass.evaluate.bm25_index import BM25Index

THRESHOLDS = (0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3)
AT_MOST = 0.05
"""Of the queries with a relevant candidate of a collection may lose all of them."""
DOCSTRINGS = data.EVAL.parent / "train/py-docstrings.jsonl.gz"
PASSAGES = 2000


def docstrings(queries: int, depth: int) -> list[JudgedQuery]:
    """Sentences that describe a function, each with the BM25 best of two thousand docstrings.

    Others of the same module are left out, for nobody judged them.
    """
    with gzip.open(DOCSTRINGS, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    rows = list({row["positive"]: row for row in rows}.values())
    rows = random.Random(0).sample(rows, PASSAGES)
    asked = [row for row in rows if len(row["query"].split()) >= 4][:queries]
    index = BM25Index([row["positive"] for row in rows])
    found = index.search([row["query"] for row in asked], 4 * depth)
    judged = []
    for row, best in zip(asked, found, strict=True):
        texts = [
            rows[i]["positive"]
            for i, _ in best
            if rows[i] is row or rows[i]["group"] != row["group"]
        ][:depth]
        docs = [Candidate(str(i), text) for i, text in enumerate(texts)]
        relevant = frozenset(c.id for c in docs if c.text == row["positive"])
        judged.append(JudgedQuery(Ranking.of(row["query"], docs), relevant))
    return judged


def losses(judged: Sequence[JudgedQuery], ranked: Sequence[Ranking]) -> dict[str, Any]:
    """By threshold: the share of queries left without what is relevant, and of candidates kept."""
    answerable = [(j, r) for j, r in zip(judged, ranked, strict=True) if j.relevant & {*r.ids}]
    best = [
        max(p for c, p in zip(r, r.scores, strict=True) if c.id in j.relevant)
        for j, r in answerable
    ]
    every = [p for r in ranked if len(r) for p in r.scores]
    return {
        "queries": len(best),
        "lose_all": {str(t): round(sum(p < t for p in best) / len(best), 3) for t in THRESHOLDS},
        "kept": {str(t): round(sum(p >= t for p in every) / len(every), 3) for t in THRESHOLDS},
    }


def starting_threshold(collections: Mapping[str, Mapping[str, Any]]) -> float | None:
    """The highest that no collection loses more than `AT_MOST` by; None if there is none."""
    fitting = [
        t
        for t in THRESHOLDS
        if all(one["lose_all"][str(t)] <= AT_MOST for one in collections.values())
    ]
    return max(fitting, default=None)
