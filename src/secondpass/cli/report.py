"""`secondpass report`."""

from __future__ import annotations

import datetime
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from secondpass.cli.options import (
    FIRST_STAGE,
    Baseline,
    Batch,
    CollectionPath,
    Depth,
    Metrics,
    Models,
    OnlyAnswerable,
    Qrels,
    Queries,
    RelevantFrom,
    Run,
    Seed,
    baseline_model,
    check_from,
    name_models,
    open_collection,
    split_metrics,
)
from secondpass.cli.streams import progress_bar
from secondpass.core.errors import InvalidInputError


def report(  # noqa: PLR0917 - typer turns them into options
    collection: CollectionPath,
    out: Annotated[Path, typer.Option(help="HTML file to write.")] = Path("report.html"),
    model: Models = None,
    baseline: Baseline = FIRST_STAGE,
    run: Run = None,
    qrels: Qrels = None,
    metrics: Metrics = "nDCG@10",
    depth: Depth = 100,
    relevant_from: RelevantFrom = 1,
    queries: Queries = None,
    only_answerable: OnlyAnswerable = False,
    depth_curve: Annotated[
        bool, typer.Option(help="Quality and time against depth: runs each model once more.")
    ] = True,
    examples: Annotated[
        int, typer.Option(help="Number of queries shown of each kind.", callback=check_from(0))
    ] = 3,
    batch: Batch = 1,
    seed: Seed = 0,
    date: Annotated[bool, typer.Option(help="Put today's date on the page.")] = True,
) -> None:
    """Write one HTML page: does it help, where, and what may be dropped?

    The page holds passages of the collection: mind its licence before you publish it.
    """
    from secondpass.evaluate._depth_curve import DEPTHS
    from secondpass.report import report as create_report

    if not out.absolute().parent.is_dir():
        raise InvalidInputError(f"--out {out}: there is no folder {out.absolute().parent}")
    names = split_metrics(metrics)
    topics = open_collection(
        collection, run, depth=depth, qrels=qrels, relevant_from=relevant_from, queries=queries,
        only_answerable=only_answerable,
    )  # fmt: skip
    models = name_models(model)
    bar = progress_bar("queries")
    task = bar.add_task("queries", total=None)
    with bar:
        page = create_report(
            topics,
            models,
            baseline_model(baseline),
            names,
            depths=DEPTHS if depth_curve else (),
            examples=examples,
            seed=seed,
            batch=batch,
            command=shlex.join(["secondpass", *sys.argv[1:]]),
            date=datetime.datetime.now(datetime.UTC).date().isoformat() if date else None,
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    page.write(out)
    console = Console()
    for sentence in page.comparison.verdicts.values():
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    console.print(f"written: {out}", markup=False, highlight=False, soft_wrap=True)
