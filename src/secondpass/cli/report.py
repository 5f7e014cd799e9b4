"""`secondpass report`."""

from __future__ import annotations

import datetime
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from secondpass.cli.collection_options import (
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
    compared_with,
    contenders,
    metric_names,
    opened,
)
from secondpass.cli.numbers import number_from
from secondpass.cli.progress import bar
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
        int, typer.Option(help="Queries shown of each kind.", callback=number_from(0))
    ] = 3,
    batch: Batch = 1,
    seed: Seed = 0,
    date: Annotated[bool, typer.Option(help="Put today's date on the page.")] = True,
) -> None:
    """Write one HTML page: does it help, where, and what may be dropped?

    The page holds passages of the collection: mind its licence before you publish it.
    """
    from secondpass.evaluate._depth_curve import DEPTHS
    from secondpass.report import report as measured

    if not out.absolute().parent.is_dir():
        raise InvalidInputError(f"--out {out}: there is no folder {out.absolute().parent}")
    names = metric_names(metrics)
    read = opened(
        collection, run, depth=depth, qrels=qrels, relevant_from=relevant_from, queries=queries,
        only_answerable=only_answerable,
    )  # fmt: skip
    named = contenders(model)
    shown = bar("queries")
    task = shown.add_task("queries", total=None)
    with shown:
        page = measured(
            read,
            named,
            compared_with(baseline),
            names,
            depths=DEPTHS if depth_curve else (),
            examples=examples,
            seed=seed,
            batch=batch,
            command=shlex.join(["secondpass", *sys.argv[1:]]),
            date=datetime.datetime.now(datetime.UTC).date().isoformat() if date else None,
            on_progress=lambda done, total: shown.update(task, completed=done, total=total),
        )
    page.write(out)
    console = Console()
    for sentence in page.comparison.verdicts.values():
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    console.print(f"written: {out}", markup=False, highlight=False, soft_wrap=True)
