"""`secondpass batch`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from secondpass.cli.options import MODEL_HELP, AsJson, check_from
from secondpass.cli.streams import progress_bar


def batch(  # noqa: PLR0917 - typer turns them into options
    input: Annotated[Path, typer.Argument(help="Parquet file, or a folder of them.")],
    output: Annotated[
        Path,
        typer.Argument(help="Parquet file (.parquet), or a folder for one with a file per part."),
    ],
    model: Annotated[str, typer.Option("--recipe", "--model", help=MODEL_HELP)] = "builtin",
    query_column: Annotated[str, typer.Option(help="Column of the queries.")] = "query",
    text_column: Annotated[
        str | None,
        typer.Option(
            help="Column of the texts: strings, or lists of strings where a row has all texts of a "
            "query. 'text' or 'texts' if not given."
        ),
    ] = None,
    ids_column: Annotated[
        str | None, typer.Option(help="Column of lists with the ids of the texts.")
    ] = None,
    prefix: Annotated[str, typer.Option(help="Before the names of the columns added.")] = "",
    rows_per_part: Annotated[
        int | None,
        typer.Option(
            help="Rows that an interruption may cost; about 10000 pairs if not given.",
            callback=check_from(1),
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an output file that exists.")
    ] = False,
    threads: Annotated[
        int | None,
        typer.Option(
            help="Of the model, without --ray; all processors if not given.", callback=check_from(1)
        ),
    ] = None,
    ray: Annotated[
        bool, typer.Option("--ray", help="On the Ray cluster of RAY_ADDRESS, or this machine.")
    ] = False,
    actors: Annotated[
        int | None,
        typer.Option(
            help="Processes of Ray; as many as are worth it if not given.", callback=check_from(1)
        ),
    ] = None,
    cpus_per_actor: Annotated[
        int, typer.Option(help="Processors of each process of Ray.", callback=check_from(1))
    ] = 1,
    gpus_per_actor: Annotated[
        float, typer.Option(help="GPUs of each process of Ray.", callback=check_from(0))
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Rerank all rows of a Parquet file; the same command resumes what was interrupted."""
    from secondpass.serve.batch import Columns, rerank_parquet

    with progress_bar("rows") as bar:
        task = bar.add_task("rows", total=None)
        report = rerank_parquet(
            input,
            output,
            model,
            columns=Columns(query_column, text_column, ids_column, prefix),
            rows_per_part=rows_per_part,
            threads=threads,
            overwrite=overwrite,
            ray=ray,
            actors=actors,
            cpus_per_actor=cpus_per_actor,
            gpus_per_actor=gpus_per_actor,
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if as_json:
        print(json.dumps(asdict(report)))  # noqa: T201
        return
    rate = report.pairs / report.seconds if report.seconds else 0.0
    lines = [
        f"{report.rows} rows in {report.output}: {report.pairs} pairs in {report.seconds:.1f} s"
        f", {rate:.0f} per second" + (f", {report.actors} actors" if report.actors else "")
    ]
    if report.resumed_rows:
        lines.append(f"{report.resumed_rows} rows were there from an earlier run")
    if report.problems:
        lines.append(
            f"{report.problems} rows could not be ranked; column {prefix + 'problem'!r} says why"
        )
    Console().print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
