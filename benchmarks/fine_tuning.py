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

import data

from secondpass import Candidate, JudgedQuery
from secondpass.models.builtin.model import Builtin
from secondpass.train import TrainingProgress, fine_tune


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    given.add_argument("--collection", default="wikiqa-test")
    given.add_argument("--queries", type=int, default=500, help="to train on, at most")
    given.add_argument("--held-out", type=float, default=0.4)
    given.add_argument("--depth", type=int, default=20, help="candidates of a query")
    given.add_argument("--epochs", type=float, default=4)
    given.add_argument("--lr", type=float, default=5e-5)
    given.add_argument("--loss", default="auto")
    given.add_argument("--hours", type=float, default=0.1, help="of training, at most")
    given.add_argument("--seed", type=int, default=0)
    given.add_argument("--results", type=Path, default=data.RESULTS, help="folder to write to")
    told = given.parse_args()
    folder = data.EVAL / told.collection
    data.needed(folder)
    judged = lists(folder, told.depth, told.queries / (1 - told.held_out - 0.2))
    with tempfile.TemporaryDirectory() as out:
        report = fine_tune(
            judged, out=Path(out) / "run", epochs=told.epochs, lr=told.lr, loss=told.loss,
            held_out=told.held_out, hours=told.hours, seed=told.seed, int8=True, on_progress=tell,
        )  # fmt: skip
        record = json.loads((Path(out) / "run/training.json").read_text())
    del record["queries"]  # text of the collection
    flags = " ".join(
        f"--{k.replace('_', '-')} {v}"
        for k, v in vars(told).items()
        if v is not None and k != "results"
    )
    command = f"python benchmarks/fine_tuning.py {flags}"
    summary = report.summary()
    told.results.mkdir(parents=True, exist_ok=True)
    (told.results / f"fine_tuning-{told.collection}.json").write_text(
        json.dumps({"command": command, "collection": told.collection, **record}, indent=2) + "\n"
    )
    rows = [
        f"| {name} | {before:.4f} | {after:.4f} |"
        for name, before, after in (
            ("nDCG@10", report.before.mean, report.after.mean),
            ("MRR@10", report.before.mrr10, report.after.mrr10),
            ("calibration error", report.before.calibration_error, report.after.calibration_error),
        )
        if before is not None and after is not None
    ]
    sizes = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in report.sizes.items())
    (told.results / f"fine_tuning-{told.collection}.md").write_text(
        f"`{command}`: {Builtin().name} on {told.collection}, queries: {sizes}.\n\n"
        "| held-out queries | before | after |\n|---|---|---|\n" + "\n".join(rows)
        + f"\n\n{summary}\n"
    )  # fmt: skip
    print(summary)


def lists(folder: Path, depth: int, most: float) -> list[JudgedQuery]:
    """The queries that come first by a hash, with what the first stage found for each."""
    corpus, queries, qrels = data.read(folder)
    found = data.candidates(folder, corpus, queries, qrels, depth)
    relevant_from = 2 if folder.name.startswith("trec") else 1
    judged = []
    for q in sorted(found, key=lambda q: hashlib.sha256(q.encode()).digest()):
        docs = [Candidate(d, corpus[d]) for d in found[q] if d in corpus]
        relevant = [c.id for c in docs if qrels[q].get(c.id, 0) >= relevant_from]
        if 0 < len(relevant) < len(docs):
            judged.append(JudgedQuery.of(queries[q], docs, relevant))
    return judged[: round(most)]


def tell(now: TrainingProgress) -> None:
    if now.phase != "training":
        print(now.phase, flush=True)
    elif now.done % 10 == 0:
        print(
            f"step {now.done} of {now.total}, loss {now.loss or 0:.4f}, "
            f"{now.pairs_per_second or 0:.1f} pairs/s, {now.seconds_left or 0:.0f} s left",
            flush=True,
        )


if __name__ == "__main__":
    main()
