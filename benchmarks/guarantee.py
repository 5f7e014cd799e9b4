"""Does the guarantee hold on real collections, and how much context does it save?

    python benchmarks/guarantee.py

The built-in model scores the BM25 candidates (WikiQA: the judged ones) of each collection once.
Then the queries are split at random many times: a guarantee is made on one part and checked on
all others. Nothing is fitted on these collections but the threshold. Writes
benchmarks/results/guarantee.json and .md; no text of the collections.

A guarantee with confidence 0.9 is about the population that the judged queries were drawn from at
random, here the collection: there it may be broken in one split of ten. On the other half alone,
a sample itself, a risk shows above its level more often than it is; both are reported.
"""

from __future__ import annotations

import random
from typing import Any

import data
from results_file import markdown_table, parser, write_results

from secondpass import GuaranteeError, JudgedQuery, Stage, guaranteed, load
from secondpass.evaluate import RecordedStage
from secondpass.thresholds import GuaranteedThreshold

COLLECTIONS = ("wikiqa-test", "nq-gold", "cranfield", "xquad-en")
QUERIES, DEPTH, SPLITS = 200, 10, 20
GUARANTEES: dict[str, tuple[dict[str, float], float | None]] = {
    "missed <= 0.1, 90 %": ({"missed": 0.1}, 0.9),
    "missed <= 0.2, 90 %": ({"missed": 0.2}, 0.9),
    "noise <= 0.5, 90 %": ({"noise": 0.5}, 0.9),
    "missed <= 0.1, on average": ({"missed": 0.1}, None),
}


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__).parse_args(arguments)
    data.needed(*(data.EVAL / name for name in COLLECTIONS))
    model, table = load("builtin"), []
    for name in COLLECTIONS:
        judged = judged_queries(name)
        stage = RecordedStage.of(model, [j.ranking for j in judged])
        for wanted, (risks, confidence) in GUARANTEES.items():
            row = {
                "collection": name,
                "guarantee": wanted,
                **measure_splits(stage, judged, risks, confidence),
            }
            table.append(row)
            print(row, flush=True)
    report = {
        "command": "python benchmarks/guarantee.py",
        "model": model.name,
        "queries_at_most": QUERIES,
        "candidates_at_most": DEPTH,
        "splits": SPLITS,
        "rows": table,
    }
    write_results("guarantee", report, page(report), options.results)


def page(report: dict[str, Any]) -> list[str]:
    rows = report["rows"]
    return [
        f"`{report['command']}`: {report['model']}, at most {QUERIES} queries per collection with "
        f"at most {DEPTH} BM25 candidates (WikiQA: all judged ones), {SPLITS} random halves: made "
        "on one, the rest of the columns is about the other, except `broken`: share of the "
        "guarantees that do not hold in the whole collection, from which the half was drawn. "
        "`above in the rest`: the same in the other half alone, which is a small sample itself. "
        "`oracle keeps`: the best threshold for one who knows the labels of the other half.",
        "",
        *markdown_table(list(rows[0]), [list(row.values()) for row in rows]),
    ]


def judged_queries(name: str) -> list[JudgedQuery]:
    """The first queries that differ by more than case and spaces."""
    rankings, qrels = data.rankings(name, DEPTH)
    judged: dict[str, JudgedQuery] = {}
    for q, ranking in rankings.items():
        if len(judged) == QUERIES:
            break
        relevant = frozenset(d for d in ranking.ids if qrels[q].get(d, 0) > 0)
        judged.setdefault(" ".join(ranking.query.lower().split()), JudgedQuery(ranking, relevant))
    return list(judged.values())


def measure_splits(
    stage: Stage, judged: list[JudgedQuery], risks: dict[str, float], confidence: float | None
) -> dict[str, object]:
    g, half = random.Random(0), len(judged) // 2
    words: list[float] = []
    seen, kept, best, total, broken, above, refused = [], [], [], [], 0, 0, 0
    ((risk, at_most),) = risks.items()
    for _ in range(SPLITS):
        order = g.sample(judged, len(judged))
        fresh = order[half:]
        try:
            last = guaranteed(stage, order[:half], risks, confidence=confidence).pipeline[-1]
        except GuaranteeError:
            refused += 1
            continue
        assert isinstance(last, GuaranteedThreshold)
        losses, sizes, left = outcome(stage, fresh, risk, last.at_least)
        seen.append(losses)
        words.append(left)
        above += losses > at_most
        broken += outcome(stage, judged, risk, last.at_least)[0] > at_most
        kept.append(sizes)
        best.append(oracle(stage, fresh, risk, at_most))
        total.append(sum(len(j.ranking) for j in fresh) / len(fresh))
    made = SPLITS - refused

    def mean(values: list[float]) -> float | None:
        return round(sum(values) / len(values), 3) if values else None

    return {
        "queries_each": half,
        "refused": refused,
        "broken": round(broken / made, 3) if made else None,
        "above_in_the_rest": round(above / made, 3) if made else None,
        "mean_risk": mean(seen),
        "candidates": mean(total),
        "kept": mean(kept),
        "share_of_passages_dropped": mean([1 - k / t for k, t in zip(kept, total, strict=True)]),
        "share_of_words_dropped": mean([1 - share for share in words]),
        "oracle_keeps": mean(best),
    }


def outcome(
    stage: Stage, judged: list[JudgedQuery], risk: str, at_least: float
) -> tuple[float, float, float]:
    """Mean loss, mean number kept and share of words kept, counted here without the library."""
    losses, sizes, words, all_words = 0.0, 0, 0, 0
    for j, ranked in zip(judged, stage.run([j.ranking for j in judged]), strict=True):
        kept = [c.id for c in ranked if (c.score or 0.0) >= at_least]
        lengths = {c.id: len(c.text.split()) for c in ranked}
        words += sum(lengths[i] for i in kept)
        all_words += sum(lengths.values())
        sizes += len(kept)
        if risk == "missed" and j.relevant:
            losses += 1 - sum(i in j.relevant for i in kept) / len(j.relevant)
        if risk == "noise" and kept:
            losses += 1 - sum(i in j.relevant for i in kept) / len(kept)
    return losses / len(judged), sizes / len(judged), words / all_words


def oracle(stage: Stage, judged: list[JudgedQuery], risk: str, at_most: float) -> float:
    """What the best of 60 thresholds keeps: the least for missed, the most for noise."""
    scores = sorted(s for r in stage.run([j.ranking for j in judged]) for s in r.scores)
    places = [scores[i * len(scores) // 60] for i in range(60)]
    found = [outcome(stage, judged, risk, t) for t in places]
    kept = [size for loss, size, _ in found if loss <= at_most] or [0.0]
    return min(kept) if risk == "missed" else max(kept)


if __name__ == "__main__":
    main()
