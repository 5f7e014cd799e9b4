"""Does fine-tuning the built-in model on a few hundred queries of a new domain help there?

    python benchmarks/fine_tuning.py [--collection wikiqa-test] [--queries 500] [--hours 0.1]

The collection's queries with their first-stage candidates become judged lists; `fine_tune` splits
them by a hash of the query, trains on some and measures on others. Nothing trained here is
shipped, and the weights go to a temporary folder. Writes benchmarks/results/fine_tuning-NAME.json
and .md, NAME being the collection's; no text of it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import data
from results_file import markdown_table, parser, write_results

from secondpass import JudgedQuery
from secondpass.models.builtin.model import Builtin
from secondpass.train import TrainingProgress, TrainingReport, fine_tune


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    data.needed(data.EVAL / options.collection)
    most = options.queries / (1 - options.held_out - 0.2)
    judged = judged_lists(options.collection, options.depth, round(most))
    with tempfile.TemporaryDirectory() as scratch:
        report = fine_tune(
            judged, out=Path(scratch) / "run", epochs=options.epochs, lr=options.lr,
            loss=options.loss, held_out=options.held_out, hours=options.hours, seed=options.seed,
            int8=True, on_progress=print_progress,
        )  # fmt: skip
        record = json.loads((Path(scratch) / "run/training.json").read_text(encoding="utf-8"))
    del record["queries"]  # text of the collection
    figures = {"command": command(options), "collection": options.collection, **record}
    lines = page(figures["command"], options.collection, report)
    write_results(f"fine_tuning-{options.collection}", figures, lines, options.results)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    options_of = parser(__doc__)
    add = options_of.add_argument
    add("--collection", default="wikiqa-test")
    add("--queries", type=int, default=500, help="maximum number to train on")
    add("--held-out", type=float, default=0.4)
    add("--depth", type=int, default=20, help="candidates of a query")
    add("--epochs", type=float, default=4)
    add("--lr", type=float, default=5e-5)
    add("--loss", default="auto")
    add("--hours", type=float, default=0.1, help="of training, at most")
    add("--seed", type=int, default=0)
    return options_of.parse_args(arguments)


def command(options: argparse.Namespace) -> str:
    flags = [
        f"--{name.replace('_', '-')} {value}"
        for name, value in vars(options).items()
        if value is not None and name != "results"
    ]
    return " ".join(["python benchmarks/fine_tuning.py", *flags])


def judged_lists(name: str, depth: int, most: int) -> list[JudgedQuery]:
    """The first queries by a hash, with the first stage's candidates of each."""
    rankings, qrels = data.rankings(name, depth)
    relevant_from = 2 if name.startswith("trec") else 1
    judged = []
    for q in sorted(rankings, key=lambda q: hashlib.sha256(q.encode()).digest()):
        ids = rankings[q].ids
        relevant = frozenset(d for d in ids if qrels[q].get(d, 0) >= relevant_from)
        if 0 < len(relevant) < len(ids):
            judged.append(JudgedQuery(rankings[q], relevant))
    return judged[:most]


def print_progress(now: TrainingProgress) -> None:
    if now.phase != "training":
        print(now.phase, flush=True)
    elif now.done % 10 == 0:
        print(
            f"step {now.done} of {now.total}, loss {now.loss or 0:.4f}, "
            f"{now.pairs_per_second or 0:.1f} pairs/s, {now.seconds_left or 0:.0f} s left",
            flush=True,
        )


def page(command: str, collection: str, report: TrainingReport) -> list[str]:
    before, after = report.before, report.after
    figures: list[tuple[str, Any, Any]] = [
        ("nDCG@10", before.mean, after.mean),
        ("MRR@10", before.mrr10, after.mrr10),
        ("calibration error", before.calibration_error, after.calibration_error),
    ]
    rows = [
        [name, f"{old:.4f}", f"{new:.4f}"]
        for name, old, new in figures
        if old is not None and new is not None
    ]
    sizes = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in report.sizes.items())
    return [
        f"`{command}`: {Builtin().name} on {collection}, queries: {sizes}.",
        "",
        *markdown_table(["held-out queries", "before", "after"], rows),
        "",
        report.summary(),
    ]


if __name__ == "__main__":
    main()
