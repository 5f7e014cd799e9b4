"""Fit the calibrator that ships with a built-in model, on training pairs held out for it.

    python training/calibrate_builtin.py [--data ../shared/data/train] [--model builtin-tiny]

Each held-out query gets a list such as a retriever would bring: the BM25 top of all passages of all
sources, and its own positive passage wherever that stands. Other passages of the positive's group
(its article or document) are left out, because they may be relevant and nobody has judged them.
Groups are split by hash: one part fits, another measures, so no article is in both.

Writes calibrator.json beside the model, and training/results/calibrator.json (of builtin; those of
others have the model's name in theirs).
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pairs

from secondpass import Beta, Candidate, JudgedQuery, Platt, Ranking, Score, Temperature
from secondpass.calibrate import brier_score, expected_calibration_error
from secondpass.evaluate.bm25_index import BM25Index
from secondpass.models.builtin import FOLDER, TINY
from secondpass.models.builtin.model import Builtin, BuiltinTiny, PackagedScorer
from secondpass.models.builtin.multilingual import BuiltinMultilingual, folder


def chosen(rows: list[pairs.Row], which: int, each: int) -> list[pairs.Row]:
    """Up to `each` rows a source, so that no source speaks for all."""
    by_source: dict[str, list[pairs.Row]] = defaultdict(list)
    for row in rows:
        if row.part == which:
            by_source[row.source].append(row)
    g = random.Random(which)
    return [
        r for s in sorted(by_source) for r in g.sample(by_source[s], min(each, len(by_source[s])))
    ]


def judged(rows: list[pairs.Row], asked: list[pairs.Row], depth: int) -> list[JudgedQuery]:
    passages = list({r.positive: r for r in rows}.values())
    index = BM25Index([p.positive for p in passages])
    best = index.search([r.query for r in asked], 4 * depth)
    made = []
    for row, found in zip(asked, best, strict=True):
        others = [passages[i].positive for i, _ in found if passages[i].group != row.group]
        texts = [row.positive, *others[: depth - 1]]
        random.Random(row.query).shuffle(texts)
        docs = [Candidate(str(i), t) for i, t in enumerate(texts)]
        made.append(
            JudgedQuery(Ranking.of(row.query, docs), frozenset([str(texts.index(row.positive))]))
        )
    return made


def pooled(known: list[JudgedQuery], ranked: list[Ranking]) -> tuple[list[float], list[bool]]:
    scores = [s for r in ranked for s in r.scores]
    return scores, [c.id in j.relevant for j, r in zip(known, ranked, strict=True) for c in r]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=pairs.DATA / "train")
    parser.add_argument("--each", type=int, default=20, help="queries a source, in each part")
    parser.add_argument("--depth", type=int, default=12, help="candidates of a query")
    models: dict[str, tuple[Callable[[], PackagedScorer], Callable[[], Path]]] = {
        "builtin": (Builtin, lambda: FOLDER),
        "builtin-tiny": (BuiltinTiny, lambda: TINY),
        "builtin-multilingual": (BuiltinMultilingual, folder),
    }
    parser.add_argument("--model", choices=models, default="builtin")
    given = parser.parse_args()
    make, place = models[given.model]

    rows = pairs.rows(given.data)
    stage = Score(make())
    data, queries = {}, {}
    for name, which in (("fit", pairs.FIT), ("measure", pairs.MEASURE)):
        known = judged(rows, chosen(rows, which, given.each), given.depth)
        queries[name] = len(known)
        print(f"{name}: {len(known)} queries, {sum(len(j.ranking) for j in known)} pairs")
        data[name] = pooled(known, stage.run([j.ranking for j in known]))
    figures = {}
    for method in (Beta, Platt, Temperature):
        fitted = method.fit(*data["fit"])
        scores, labels = data["measure"]
        p = [fitted.probability(s) for s in scores]
        figures[method.__name__] = {
            "parameters": asdict(fitted),
            "expected_calibration_error": round(expected_calibration_error(p, labels), 4),
            "brier_score": round(brier_score(p, labels), 4),
        }
        print(method.__name__, figures[method.__name__])
    # the built-in model's raw scores are bounded above, and only Beta bends that end by itself
    base_rate = sum(data["fit"][1]) / len(data["fit"][1])
    shipped = {
        "fitted_on": stage.name,
        "base_rate": round(base_rate, 6),
        "beta": asdict(Beta.fit(*data["fit"])),
    }
    (place() / "calibrator.json").write_text(json.dumps(shipped, indent=2) + "\n")
    report = {
        "command": f"python training/calibrate_builtin.py --model {given.model}",
        "model": stage.name,
        "queries": queries,
        "base_rate": round(base_rate, 4),
        "on_the_part_held_out_from_the_fit": figures,
    }
    (pairs.ROOT / "training/results").mkdir(exist_ok=True)
    suffix = given.model.removeprefix("builtin")
    results = pairs.ROOT / f"training/results/calibrator{suffix}.json"
    results.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
