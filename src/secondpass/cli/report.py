"""`secondpass report`."""

from __future__ import annotations

import datetime
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from secondpass.cli.evaluate import FIRST_STAGE
from secondpass.cli.progress import bar
from secondpass.errors import InvalidInputError


def report(  # noqa: PLR0917 - typer turns them into options
    collection: Annotated[
        str,
        typer.Argument(
            help="Folder in BEIR's layout, or a JSONL file of queries, texts and labels."
        ),
    ],
    out: Annotated[Path, typer.Option(help="HTML file to write.")] = Path("report.html"),
    model: Annotated[
        list[str] | None,
        typer.Option(help="Model string, or the path of a recipe (.json). May be repeated."),
    ] = None,
    baseline: Annotated[
        str, typer.Option(help="What to beat: a model, a recipe, or the order of the candidates.")
    ] = FIRST_STAGE,
    run: Annotated[
        str | None,
        typer.Option(help="First stage: a TREC run file, or 'judged'. BM25 is made if absent."),
    ] = None,
    qrels: Annotated[str | None, typer.Option(help="Another file of judgements.")] = None,
    metrics: Annotated[
        str, typer.Option(help="nDCG@10, MRR@10, ...; with commas. The first decides.")
    ] = "nDCG@10",
    depth: Annotated[int, typer.Option(help="Candidates of each query.")] = 100,
    relevant_from: Annotated[int, typer.Option(help="Least grade that is relevant.")] = 1,
    queries: Annotated[int | None, typer.Option(help="Only the first so many queries.")] = None,
    only_answerable: Annotated[
        bool, typer.Option("--only-answerable", help="Leave out queries with nothing relevant.")
    ] = False,
    depth_curve: Annotated[
        bool, typer.Option(help="Quality and time against depth: runs each model once more.")
    ] = True,
    examples: Annotated[int, typer.Option(help="Queries shown of each kind.")] = 3,
    batch: Annotated[int, typer.Option(help="Queries that run at once.")] = 1,
    seed: Annotated[int, typer.Option(help="Of bootstrap and test.")] = 0,
    date: Annotated[bool, typer.Option(help="Put today's date on the page.")] = True,
) -> None:
    """Write one HTML page: does it help, where, and what may be dropped?

    The page holds passages of the collection: mind its licence before you publish it.
    """
    from secondpass.evaluate import read_collection
    from secondpass.evaluate.depth import DEPTHS
    from secondpass.report import report as measured

    if depth < 1 or (queries is not None and queries < 1):
        raise InvalidInputError(f"--depth {depth} --queries {queries}: each is 1 or more")
    if not out.absolute().parent.is_dir():
        raise InvalidInputError(f"--out {out}: there is no folder {out.absolute().parent}")
    read = read_collection(collection, run, depth=depth, qrels=qrels, relevant_from=relevant_from)
    if only_answerable:
        read = read.with_relevant()
    if queries is not None:
        read = read.head(queries)
    models = list(dict.fromkeys(model or ["builtin"]))
    named = {Path(m).stem if m.endswith(".json") else m: _model(m) for m in models}
    if len(named) < len(models):
        raise InvalidInputError(f"two recipes have the same file name: {', '.join(models)}")
    shown = bar("queries")
    task = shown.add_task("queries", total=None)
    with shown:
        page = measured(
            read,
            named,
            None if baseline == FIRST_STAGE else _model(baseline),
            [metric for metric in metrics.split(",") if metric.strip()],
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


def _model(name: str) -> str | Path:
    return Path(name) if name.endswith(".json") else name
