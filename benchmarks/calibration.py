"""What the built-in model's probabilities are worth, as they ship and after fitting.

    python benchmarks/calibration.py [--model builtin]

For each English collection: its first queries with the BM25 top candidates (TREC: the given BM25
run; WikiQA: the judged candidates). Four parts, no text of the collections in any:

* As shipped: the packaged calibrator was fitted on training sources, so this is transfer. Beside it
  the other calibrators that the model comes with.
* Starting threshold: how many questions lose their answers at each (`starting_threshold`).
* Transfer: fitted on each collection, judged on each.
* In the collection: 50 labelled queries fit a calibrator, the others judge it, over random splits;
  each calibrator cross-validated by query; and how many labelled queries are needed.

Writes benchmarks/results/calibration.json, .md and .png (calibration-MODEL for another model).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import data
import starting_threshold
from results_file import markdown_table, parser, write_results

from secondpass import (
    Candidate,
    InvalidInputError,
    JudgedQuery,
    Pipeline,
    Ranking,
    Stage,
    Threshold,
    calibrated,
    load,
)
from secondpass.calibrate import (
    CalibrationMetrics,
    CalibrationStage,
    Transfer,
    TransferTable,
    calibration_report,
    label_learning_curve,
    transfer_table,
)
from secondpass.calibrate.plots import reliability_diagram
from secondpass.evaluate import RecordedStage

QUERIES, DEPTH = 60, 20
CURVE, CURVE_QUERIES, SIZES = "wikiqa-test", 240, (10, 25, 50, 100, 150)
LABELLED, FEWEST_JUDGED, IN_COLLECTION, SPLITS, BLOCK = 50, 20, 100, 20, 10
SHIPPED = "as it is"


@dataclass(frozen=True)
class Known:
    """A collection as judged queries, how the model ranked them, and nDCG@10 before and after."""

    judged: list[JudgedQuery]
    ranked: list[Ranking]
    ndcg: tuple[float, float]


def main(arguments: list[str] | None = None) -> None:
    options_of = parser(__doc__)
    options_of.add_argument("--model", default="builtin", help="a built-in model's string")
    options = options_of.parse_args(arguments)
    data.needed(*(data.EVAL / name for name in data.ENGLISH))
    builtin = load(options.model)
    assert isinstance(builtin, Pipeline)
    shipped = builtin[-1]
    assert isinstance(shipped, CalibrationStage)
    known = {name: read(name, builtin[:-1]) for name in data.ENGLISH}
    recorded = RecordedStage(
        builtin[:-1].name,
        [j.ranking for k in known.values() for j in k.judged],
        [r for k in known.values() for r in k.ranked],
        origin=builtin[:-1].origin,
    )
    model = recorded >> shipped
    judged = {name: k.judged[:QUERIES] for name, k in known.items()}
    table = transfer_table(model, judged)
    calibrators = {shipped.name: shipped, **other_calibrators(options.model, shipped)}
    collections = {
        name: shipped_row(table[SHIPPED, name], model, judged[name], known[name])
        for name in data.ENGLISH
    }
    report = {
        "command": f"python benchmarks/calibration.py{model_option(options.model)}",
        "model": builtin.name,
        "queries_at_most": QUERIES,
        "candidates_at_most": DEPTH,
        "collections": collections,
        "mean_expected_calibration_error": round(
            fmean(row["expected_calibration_error"] for row in collections.values()), 3
        ),
        "calibrators": {name: errors(stage, known) for name, stage in calibrators.items()},
        "starting_threshold": thresholds(shipped, builtin[:-1], known),
        "transfer": [cell(c) for c in table.cells],
        "transfer_means": means(table),
        "in_collection": {
            name: in_collection(model, k.judged)
            for name, k in known.items()
            if len(k.judged) >= LABELLED + FEWEST_JUDGED
        },
        "labels_needed": needed(model, known[CURVE].judged),
    }
    file = "calibration" + (f"-{options.model}" if options.model != "builtin" else "")
    write_results(file, report, page(report, table), options.results)
    curves = {name: table[SHIPPED, name].quality.curve for name in data.ENGLISH}
    title = f"{options.model}, shipped calibrator, unseen collections"
    reliability_diagram(curves, title).savefig(options.results / f"{file}.png", dpi=130)


def model_option(model: str) -> str:
    return "" if model == "builtin" else f" --model {model}"


def other_calibrators(model: str, shipped: CalibrationStage) -> dict[str, CalibrationStage]:
    """What the model comes with besides its default, by their names in calibrator.json."""
    found: dict[str, CalibrationStage] = {}
    for kind in ("beta", "by_query", "in_list"):
        try:
            stage = load(model, options={"calibrator": kind})
        except InvalidInputError:  # an earlier file, which has one
            continue
        last = stage.parts[-1]
        assert isinstance(last, CalibrationStage)
        if last.calibrator != shipped.calibrator:
            found[kind] = last
    return found


def errors(stage: CalibrationStage, known: dict[str, Known]) -> dict[str, dict[str, float]]:
    """Of one calibrator on each collection, and the mean over them."""
    found: dict[str, dict[str, float]] = {}
    for name, k in known.items():
        p = [p for r in k.ranked[:QUERIES] for p in stage.probabilities(r)]
        both = zip(k.judged[:QUERIES], k.ranked, strict=False)
        quality = CalibrationMetrics.of(p, [c.id in j.relevant for j, r in both for c in r])
        found[name] = {
            "expected_calibration_error": round(quality.expected_calibration_error, 3),
            "log_loss": round(quality.log_loss, 3),
            "brier_score": round(quality.brier_score, 3),
        }
    measures = list(found[name])
    found["mean"] = {m: round(fmean(one[m] for one in found.values()), 3) for m in measures}
    return found


def thresholds(shipped: CalibrationStage, raw: Stage, known: dict[str, Known]) -> dict[str, Any]:
    judged = starting_threshold.docstrings(QUERIES, DEPTH)
    ranked = raw.run([j.ranking for j in judged])
    lists = {
        **{name: (k.judged, k.ranked) for name, k in known.items()},
        "docstrings": (judged, ranked),
    }
    found = {
        name: starting_threshold.losses(judged, shipped.run(ranked))
        for name, (judged, ranked) in lists.items()
    }
    return {"highest": starting_threshold.starting_threshold(found), "collections": found}


def read(name: str, raw: Stage) -> Known:
    folder = data.EVAL / name
    corpus, queries, qrels = data.read(folder)
    found = data.candidates(folder, corpus, queries, qrels, DEPTH)
    found = dict(list(found.items())[: CURVE_QUERIES if name == CURVE else IN_COLLECTION])
    relevant_from = 2 if name.startswith("trec") else 1
    judged = []
    for q, docs in found.items():
        ranking = Ranking.of(queries[q], [Candidate(d, corpus[d]) for d in docs if d in corpus])
        good = [c.id for c in ranking if qrels[q].get(c.id, 0) >= relevant_from]
        judged.append(JudgedQuery(ranking, frozenset(good)))
    ranked = raw.run([j.ranking for j in judged])
    first = dict(list(found.items())[:QUERIES])
    after = {q: r.ids for q, r in zip(first, ranked, strict=False)}
    print(name, len(judged), flush=True)
    return Known(judged, ranked, (data.ndcg(qrels, first), data.ndcg(qrels, after)))


def shipped_row(
    transfer: Transfer, model: Stage, judged: list[JudgedQuery], known: Known
) -> dict[str, Any]:
    quality = transfer.quality
    ranked = (model >> Threshold(0.5)).run([j.ranking for j in judged])
    pairs, relevant = sum(len(j.ranking) for j in judged), sum(len(j.relevant) for j in judged)
    kept = sum(map(len, ranked))
    hits = sum(len(j.relevant & set(r.ids)) for j, r in zip(judged, ranked, strict=True))
    return {
        "queries": len(judged),
        "pairs": pairs,
        "base_rate": round(quality.base_rate, 3),
        "mean_probability": round(quality.mean_probability, 3),
        "expected_calibration_error": round(quality.expected_calibration_error, 3),
        "class_balanced_calibration_error": round(quality.class_balanced_calibration_error, 3),
        "brier_score": round(quality.brier_score, 3),
        "brier_score_of_the_base_rate": round(quality.brier.uncertainty, 3),
        "log_loss": round(quality.log_loss, 3),
        "kept_at_half": round(kept / pairs, 3),
        "precision_at_half": round(hits / kept, 3) if kept else None,
        "recall_at_half": round(hits / relevant, 3),
        "ndcg10_before": round(known.ndcg[0], 4),
        "ndcg10_after": round(known.ndcg[1], 4),
    }


def cell(transfer: Transfer) -> dict[str, Any]:
    return {
        "fitted_on": transfer.fitted_on,
        "judged_on": transfer.judged_on,
        "expected_calibration_error": round(transfer.quality.expected_calibration_error, 3),
        "log_loss": round(transfer.quality.log_loss, 3),
        "brier_score": round(transfer.quality.brier_score, 3),
        "base_rate": round(transfer.quality.base_rate, 3),
    }


def means(table: TransferTable) -> dict[str, Any]:
    """Over all cells off the diagonal."""
    off = [c.quality for c in table.cells if c.fitted_on != c.judged_on]
    return {
        "cells": len(off),
        "expected_calibration_error": round(fmean(q.expected_calibration_error for q in off), 3),
        "log_loss": round(fmean(q.log_loss for q in off), 3),
    }


def in_collection(model: Stage, judged: list[JudgedQuery]) -> dict[str, Any]:
    """50 labelled queries fit Platt, others judge it; and each method, cross-validated.

    Judged twice: by the queries that a split leaves, which are as few as 26, and by all queries,
    each with the probabilities of a fit on 50 others. So few labels show some error by chance
    even of probabilities that are right: how much, labels drawn from the probabilities say.
    """
    g = random.Random(0)
    left: list[CalibrationMetrics] = []
    left_by_chance: list[CalibrationMetrics] = []
    every: list[CalibrationMetrics] = []
    every_by_chance: list[CalibrationMetrics] = []
    for _ in range(SPLITS):
        drawn = g.sample(judged, len(judged))
        parts = [drawn[LABELLED:]]
        blocks = [drawn[i : i + BLOCK] for i in range(0, len(drawn), BLOCK)]
        for tests, real, chance in (
            (parts, left, left_by_chance),
            (blocks, every, every_by_chance),
        ):
            p, y = judged_by_others(model, drawn, tests)
            real.append(CalibrationMetrics.of(p, y))
            chance.append(CalibrationMetrics.of(p, [g.random() < one for one in p]))
    choice = calibrated(model, judged, method="auto").evidence.choice
    assert choice is not None
    report = calibration_report(model, judged)
    return {
        "queries": len(judged),
        "splits": SPLITS,
        "error_after_50": error(every),
        "by_chance": error(every_by_chance),
        "worst_error_after_50": round(max(q.expected_calibration_error for q in every), 3),
        "error_on_those_left": error(left),
        "by_chance_on_those_left": error(left_by_chance),
        "log_loss_after_50": round(fmean(q.log_loss for q in every), 3),
        "auto": choice.chosen,
        "cross_validated": {
            row.name: {
                "log_loss": round(row.quality.log_loss, 4),
                "expected_calibration_error": round(row.quality.expected_calibration_error, 4),
            }
            for row in report.rows
        },
    }


def judged_by_others(
    model: Stage, drawn: list[JudgedQuery], tests: list[list[JudgedQuery]]
) -> tuple[list[float], list[bool]]:
    """Probability and truth of every candidate, each test's from a fit on the queries after it."""
    p: list[float] = []
    y: list[bool] = []
    for test in tests:
        asked = {j.ranking.query for j in test}
        after = drawn[drawn.index(test[-1]) + 1 :] + drawn
        others = [j for j in after if j.ranking.query not in asked]
        ranked = calibrated(model, others[:LABELLED]).pipeline.run([j.ranking for j in test])
        p += [s for r in ranked if len(r) for s in r.scores]
        y += [c.id in j.relevant for j, r in zip(test, ranked, strict=True) for c in r]
    return p, y


def error(found: list[CalibrationMetrics]) -> float:
    return round(fmean(q.expected_calibration_error for q in found), 3)


def needed(model: Stage, judged: list[JudgedQuery]) -> dict[str, Any]:
    curve = label_learning_curve(model, judged, SIZES)
    return {
        "collection": CURVE,
        "queries": len(judged),
        "enough": curve.enough,
        "points": [
            {
                "queries": p.queries,
                "log_loss": round(p.log_loss, 4),
                "expected_calibration_error": round(p.expected_calibration_error, 4),
                "brier_score": round(p.brier_score, 4),
            }
            for p in curve.points
        ],
    }


def page(report: dict[str, Any], table: TransferTable) -> list[str]:
    names = list(data.ENGLISH)
    shipped = report["collections"]
    columns = list(next(iter(shipped.values())))
    plain = [[name, *row.values()] for name, row in shipped.items()]
    cells = [
        [fit, *(f"{table[fit, n].quality.expected_calibration_error:.3f}" for n in names)]
        for fit in (SHIPPED, *names)
    ]
    fields = (
        "queries", "error_after_50", "by_chance", "worst_error_after_50", "error_on_those_left",
        "by_chance_on_those_left", "auto",
    )  # fmt: skip
    own = [[name, *(r[c] for c in fields)] for name, r in report["in_collection"].items()]
    m, labels = report["transfer_means"], report["labels_needed"]
    points = [list(p.values()) for p in labels["points"]]
    paragraphs = [
        f"`{report['command']}`: {report['model']}, the first {QUERIES} queries of each "
        f"collection, the top {DEPTH} BM25 candidates (WikiQA: all judged ones).",
        "## As shipped\n\nTransfer: nothing was fitted on these collections. Mean expected "
        f"calibration error {report['mean_expected_calibration_error']}.",
        markdown(["collection", *columns], plain),
        "The calibrators that the model comes with, the default first: expected calibration error "
        "(log loss).",
        *calibrators_table(report),
        *thresholds_table(report["starting_threshold"]),
        "## Transfer\n\nExpected calibration error; rows fitted (Platt), columns judged, the "
        f"diagonal cross-validated by query. Over the {m['cells']} cells off the diagonal the mean "
        f"error is {m['expected_calibration_error']}, the mean log loss {m['log_loss']}.",
        markdown(["fitted on", *names], cells),
        f"## In the collection\n\nPlatt fitted on {LABELLED} labelled queries; each query judges "
        f"a fit on others, in blocks of {BLOCK}: means over {SPLITS} random orders. By chance: what"
        " so few labels would show of probabilities that are all right. Those left: judged by the "
        f"queries beyond the first {LABELLED} alone, which are few.",
        markdown(
            [
                "collection",
                "queries",
                "calibration error",
                "by chance",
                "worst order",
                "those left",
                "those left, by chance",
                "auto takes",
            ],
            own,
        ),
        f"## How many labels\n\n{CURVE}: {labels['enough']} labelled queries are enough.",
        markdown(["queries", "log loss", "calibration error", "brier score"], points),
    ]
    return ["\n\n".join(paragraphs)]


def calibrators_table(report: dict[str, Any]) -> list[str]:
    by_name = report["calibrators"]
    rows = [
        [
            name,
            *(
                f"{one[name]['expected_calibration_error']:.3f} ({one[name]['log_loss']:.3f})"
                for one in by_name.values()
            ),
        ]
        for name in next(iter(by_name.values()))
    ]
    return [markdown(["collection", *by_name], rows)]


def thresholds_table(found: dict[str, Any]) -> list[str]:
    highest = found["highest"]
    most = f"{starting_threshold.AT_MOST:.0%}".replace("%", " %")
    said = (
        f"{highest} is the highest at which no collection loses more than {most} of them."
        if highest is not None
        else f"There is none at which no collection loses more than {most} of them."
    )
    rows = [
        [
            name,
            one["queries"],
            *(f"{one['lose_all'][t]:.3f} ({one['kept'][t]:.2f})" for t in one["lose_all"]),
        ]
        for name, one in found["collections"].items()
    ]
    head = ["collection", "answerable queries", *map(str, starting_threshold.THRESHOLDS)]
    return [
        "## Starting threshold\n\nOf the queries with a relevant candidate, the share that "
        f"lose all of them at each threshold (of all candidates, the share kept). {said}",
        markdown(head, rows),
    ]


def markdown(head: list[str], rows: list[list[Any]]) -> str:
    return "\n".join(markdown_table(head, rows))


if __name__ == "__main__":
    main()
