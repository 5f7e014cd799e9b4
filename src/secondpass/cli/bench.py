"""`secondpass bench`."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

from secondpass.cli.options import MODEL_HELP, AsJson, check_above, check_from
from secondpass.cli.streams import progress_bar
from secondpass.core.errors import InvalidInputError


def bench(  # noqa: PLR0917 - typer turns them into options
    model: Annotated[str, typer.Argument(help=MODEL_HELP)] = "builtin",
    texts: Annotated[
        str | None,
        typer.Option(
            help="Your own texts, one per line: plain, JSON strings, objects with a field 'text'."
        ),
    ] = None,
    budget_ms: Annotated[
        float,
        typer.Option(
            help="How many candidates fit into this many milliseconds?", callback=check_above(0)
        ),
    ] = 200.0,
    depths: Annotated[
        str, typer.Option(help="Numbers of candidates of a query, separated by commas.")
    ] = ("1,10,20,50,100,200"),
    seconds: Annotated[
        float, typer.Option(help="How long to time each kind of text.", callback=check_from(0))
    ] = 15.0,
    settings: Annotated[
        bool, typer.Option(help="Also try token budgets and numbers of threads.")
    ] = True,
    cold_start: Annotated[
        bool, typer.Option(help="Also start a new process, for cold start and memory.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Measure how fast a model is here, and how many candidates fit into a latency."""
    from secondpass.bench import measure, measure_cold_start, read_texts

    try:
        depths_to_time = [int(depth) for depth in depths.split(",")]
    except ValueError:
        depths_to_time = [0]
    if min(depths_to_time) < 1:
        raise InvalidInputError(f"--depths {depths}: whole numbers from 1 with commas")
    workloads = None if texts is None else {"texts": read_texts(texts)}
    bar = progress_bar("timing")
    task = bar.add_task("timing", total=None)
    with bar:
        speed = measure(
            model,
            workloads,
            depths=depths_to_time,
            budget=budget_ms / 1000,
            seconds=seconds,
            settings=None if settings else (),
            launch=measure_cold_start if cold_start else None,
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if as_json:
        print(json.dumps(speed.to_dict(), ensure_ascii=False))  # noqa: T201
    else:
        Console().print(str(speed), markup=False, highlight=False, soft_wrap=True)
