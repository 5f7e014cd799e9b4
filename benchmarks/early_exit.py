"""What early exit saves and loses: reading the beginning of each text before the whole of some.

    python benchmarks/early_exit.py

Three workloads with the built-in model and BM25 candidates: trec-dl19 (short passages), cranfield
(abstracts), and cranfield joined by threes into documents as long as the model reads. The margin is
fitted on one half of the queries, without labels, and everything is measured on the other half:
nDCG@10, members of the true top 10 found, and the share of texts read in full, which are
deterministic, and seconds a query against reading everything, in turn. Writes
benchmarks/results/early_exit.json and .md; no text of the collections.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import time
from typing import Any

import data

from secondpass import CalibrationError, Candidate, Ranking, Score, Stage, load
from secondpass.evaluate.bm25_index import bm25_candidates
from secondpass.stages import EarlyExit

K, TIMED = 10, 3
SIZES = {"trec-dl19": (14, 100), "cranfield": (20, 50), "cranfield by threes": (20, 50)}
"""Queries, and BM25 candidates of each."""
PREFIXES, COVERAGES = (256, 512, 1024), (0.9, 0.95)
Topics = list[tuple[str, Ranking]]


def given(name: str) -> tuple[dict[str, str], dict[str, str], data.Qrels]:
    folder = data.EVAL / name.removesuffix(" by threes")
    corpus, queries, qrels = data.read(folder)
    if not name.endswith("by threes"):
        return corpus, queries, qrels
    ids = sorted(corpus)
    random.Random(0).shuffle(ids)
    groups = {f"j{i}": ids[i : i + 3] for i in range(0, len(ids), 3)}
    home = {doc: group for group, docs in groups.items() for doc in docs}
    joined = {group: "\n".join(corpus[doc] for doc in docs) for group, docs in groups.items()}
    grades: data.Qrels = {}
    for q, of in qrels.items():
        row: dict[str, int] = {}
        for doc, grade in of.items():
            if doc in home:  # a document is as relevant as its best part
                row[home[doc]] = max(grade, row.get(home[doc], 0))
        grades[q] = row
    return joined, queries, grades


def topics(name: str) -> tuple[Topics, data.Qrels]:
    corpus, queries, qrels = given(name)
    number, depth = SIZES[name]
    asked = [q for q in queries if any(g > 0 for g in qrels.get(q, {}).values())]
    asked = sorted(random.Random(0).sample(asked, min(number, len(asked))))
    if name.startswith("trec"):
        found = data.candidates(data.EVAL / name, corpus, queries, qrels, depth)
    else:
        best = bm25_candidates(corpus, {q: queries[q] for q in asked}, depth)
        found = {q: [c.id for c in docs] for q, docs in best.items()}
    return [
        (q, Ranking.of(queries[q], [Candidate(d, corpus[d]) for d in found[q]])) for q in asked
    ], qrels


def measured(
    early: EarlyExit, full: list[Ranking], test: Topics, qrels: data.Qrels
) -> dict[str, Any]:
    done = early.run([r for _, r in test])
    read = [sum(c.trail[-1].note["read_in_full"] for c in r) for r in done]
    again = [
        sum(
            c.trail[-1].note["read_in_full"] and len(c.text) > (early.margin.prefix or 0) for c in r
        )
        for r in done
    ]
    found = [len(set(a.ids[:K]) & set(b.ids[:K])) / K for a, b in zip(full, done, strict=True)]
    every = sum(len(r) for _, r in test)
    # characters, capped where the model stops (about 512 tokens), are the deterministic cost
    shorter = sum(min(len(c.text), early.margin.prefix or 0) for _, r in test for c in r)
    longer = sum(
        min(len(c.text), 2300)
        for r in done
        for c in r
        if c.trail[-1].note["read_in_full"] and len(c.text) > (early.margin.prefix or 0)
    )
    whole = sum(min(len(c.text), 2300) for _, r in test for c in r)
    return {
        "margin": round(early.margin.value, 3),
        "ndcg@10": round(
            data.ndcg(qrels, {q: r.ids for (q, _), r in zip(test, done, strict=True)}), 4
        ),
        "top10_found": round(statistics.fmean(found), 4),
        "read_in_full": round(sum(read) / every, 4),
        "read_twice": round(sum(again) / every, 4),
        "characters_read": round((shorter + longer) / whole, 4),
    }


def timed(plain: Stage, early: EarlyExit, test: Topics) -> float:
    """Median over queries of the seconds of `early` as a share of those of `plain`, in turn."""
    ratios = []
    for _, ranking in test[:TIMED]:
        seconds = []
        for stage in (plain, early):
            start = time.perf_counter()
            stage(ranking)
            seconds.append(time.perf_counter() - start)
        ratios.append(seconds[1] / seconds[0])
    return round(statistics.median(ratios), 3)


def main() -> None:
    names = tuple(SIZES)
    data.needed(*(data.EVAL / n for n in names[:2]))
    plain, remembering = load("builtin:raw"), load("builtin:raw", cache=200_000)
    assert isinstance(plain, Score)
    report: dict[str, Any] = {
        "command": "python benchmarks/early_exit.py",
        "model": plain.name,
        "processors": len(os.sched_getaffinity(0)),
        "load_average": os.getloadavg()[0],
        "workloads": {},
    }
    for name in names:
        every, qrels = topics(name)
        fit, test = every[::2], every[1::2]
        full = remembering.run([r for _, r in test])
        row: dict[str, Any] = {
            "queries_fitted": len(fit),
            "queries_measured": len(test),
            "mean_characters": round(statistics.fmean(len(c.text) for _, r in every for c in r)),
            "ndcg@10_reading_everything": round(
                data.ndcg(qrels, {q: r.ids for (q, _), r in zip(test, full, strict=True)}), 4
            ),
            "settings": [],
        }
        for prefix in PREFIXES:
            for coverage in COVERAGES:
                setting: dict[str, Any] = {"prefix": prefix, "coverage": coverage}
                try:
                    early = EarlyExit.fit(
                        remembering, [r for _, r in fit], K, prefix=prefix, coverage=coverage
                    )
                except CalibrationError as error:
                    setting["none"] = str(error)
                    row["settings"].append(setting)
                    continue
                setting |= measured(early, full, test, qrels)
                if coverage == 0.95:
                    setting["time"] = timed(plain, EarlyExit(plain, early.margin), test)
                row["settings"].append(setting)
                print(name, setting, flush=True)
        report["workloads"][name] = row
        write(report)  # after each: a later one takes minutes


def write(report: dict[str, Any]) -> None:
    (data.RESULTS / "early_exit.json").write_text(json.dumps(report, indent=2) + "\n")
    lines = [
        f"`{report['command']}`: {report['model']}, top {K} of 100 (trec-dl19) or 50. "
        "Fitted on one half of the queries, measured on the other. Time: of reading everything, "
        f"median over {TIMED} queries in turn, on {report['processors']} shared processors.",
        "",
        "| workload | prefix | coverage | nDCG@10 | everything read | top 10 found | read in full "
        "| characters read | time |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in report["workloads"].items():
        for s in row["settings"]:
            if "none" in s:
                lines.append(f"| {name} | {s['prefix']} | {s['coverage']} | no margin |||||| |")
                continue
            lines.append(
                f"| {name} ({row['mean_characters']} characters) | {s['prefix']} | {s['coverage']} "
                f"| {s['ndcg@10']:.4f} | {row['ndcg@10_reading_everything']:.4f} "
                f"| {100 * s['top10_found']:.1f} % | {100 * s['read_in_full']:.0f} % "
                f"| {100 * s['characters_read']:.0f} % | {s.get('time', '')} |"
            )
    (data.RESULTS / "early_exit.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
