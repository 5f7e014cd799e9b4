"""Lists to learn from: each query with its positive and BM25's best other passages.

    python training/mine.py --out training/runs/lists

BM25 over all passages, labelled and not, is the first stage that the model will stand behind, so
its mistakes are the negatives. Passages of the positive's group are left out: nobody has judged
them. Unlabelled queries get BM25's best, and the untrained model says what it thinks of those
(train.py). Sources are sampled, not taken whole: two thirds of the pairs are headings of technical
documentation, and a few large sources would drown the questions that people asked.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

import pairs

from secondpass.evaluate.bm25_index import BM25Index

QUESTIONS = 12_000
"""Rows at most of a source in which people asked questions."""
HEADINGS = 3_000
"""Rows at most of any other source."""
UNLABELLED = {
    "trec-million-query": 9_000,
    "nq-dev-dpr": 8_000,
    "query-wellformedness": 8_000,
    "webquestions-train": 3_700,
    "triviaqa-dev-dpr": 2_000,
    "tydi-miracl-en-train": 3_500,
    "nq-clapnq-unanswerable": 1_700,
    "strategyqa-decomposition": 1_500,
    "trec-terabyte05-efficiency": 4_000,
    "trec-web-titles": 550,
    "treccast": 900,
    "cooking-se-titles": 800,
    "openstax-review-questions": 1_300,
}
"""How many queries of each log: real questions and searches most."""
DEPTH, KEPT = 40, 16
"""Passages that BM25 brings, and how many stay after the positive's group is left out."""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=pairs.DATA)
    parser.add_argument("--out", type=Path, default=pairs.ROOT / "training/runs/lists")
    given = parser.parse_args(arguments)
    g = random.Random(0)
    labelled = pairs.rows(given.data / "train")
    groups: dict[str, str] = dict(pairs.unlabelled_passages(given.data))
    groups |= {row.positive: row.group for row in labelled}
    passages = list(groups)
    place = {text: i for i, text in enumerate(passages)}
    by_source: dict[str, list[pairs.Row]] = defaultdict(list)
    for row in labelled:
        if row.part > pairs.MEASURE:
            by_source[row.source].append(row)
    asked: list[dict[str, object]] = []
    for source, found in sorted(by_source.items()):
        most = QUESTIONS if source in pairs.ASKED else HEADINGS
        for row in g.sample(found, min(most, len(found))):
            kind = "develop" if row.part == pairs.DEVELOP else "train"
            asked.append({"kind": kind, "source": source, "query": row.query,
                          "group": row.group, "positive": place[row.positive]})  # fmt: skip
    logs: dict[str, list[str]] = defaultdict(list)
    for source, query in pairs.unlabelled_queries(given.data):
        logs[source].append(query)
    for source, most in UNLABELLED.items():
        for query in g.sample(logs[source], min(most, len(logs[source]))):
            asked.append({"kind": "unlabelled", "source": source, "query": query})
    print(f"{len(passages)} passages, {len(asked)} queries; BM25 looks for negatives", flush=True)
    # compiled scoring: twenty times the pace on 250,000 passages
    index = BM25Index(passages, backend="numba" if find_spec("numba") else "numpy")
    found = index.search([str(row["query"]) for row in asked], DEPTH)
    given.out.mkdir(parents=True, exist_ok=True)
    with (given.out / "passages.jsonl").open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(text, ensure_ascii=False) + "\n" for text in passages)
    with (given.out / "lists.jsonl").open("w", encoding="utf-8") as out:
        for row, best in zip(asked, found, strict=True):
            mine = row.get("group")
            others = [i for i, _ in best if mine is None or groups[passages[i]] != mine]
            out.write(json.dumps(row | {"others": others[:KEPT]}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
