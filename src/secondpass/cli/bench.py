"""`secondpass bench`."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

from secondpass.cli.numbers import number_above, number_from
from secondpass.cli.progress import bar
from secondpass.core.errors import InvalidInputError


def bench(  # noqa: PLR0917 - typer turns them into options
    model: Annotated[
        str, typer.Argument(help="Model string, or the path of a recipe (.json).")
    ] = "builtin",
    texts: Annotated[
        str | None,
        typer.Option(
            help="Your own texts, one a line: plain, JSON strings, or objects with a field 'text'."
        ),
    ] = None,
    budget_ms: Annotated[
        float,
        typer.Option(
            help="How many candidates fit into so many milliseconds?", callback=number_above(0)
        ),
    ] = 200.0,
    depths: Annotated[str, typer.Option(help="Candidates of a query; with commas.")] = (
        "1,10,20,50,100,200"
    ),
    seconds: Annotated[
        float, typer.Option(help="How long to time each kind of text.", callback=number_from(0))
    ] = 15.0,
    settings: Annotated[
        bool, typer.Option(help="Also try token budgets and numbers of threads.")
    ] = True,
    cold_start: Annotated[
        bool, typer.Option(help="Also start a new process, for cold start and memory.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say how fast a model is here, and how many candidates fit into a latency."""
    from secondpass.bench import measure, measure_cold_start, read_texts

    try:
        asked = [int(depth) for depth in depths.split(",")]
    except ValueError:
        asked = [0]
    if min(asked) < 1:
        raise InvalidInputError(f"--depths {depths}: whole numbers from 1 with commas")
    workloads = None if texts is None else {"texts": read_texts(texts)}
    shown = bar("timing")
    task = shown.add_task("timing", total=None)
    with shown:
        speed = measure(
            model,
            workloads,
            depths=asked,
            budget=budget_ms / 1000,
            seconds=seconds,
            settings=None if settings else (),
            launch=measure_cold_start if cold_start else None,
            on_progress=lambda done, total: shown.update(task, completed=done, total=total),
        )
    if as_json:
        print(json.dumps(speed.to_dict(), ensure_ascii=False))  # noqa: T201
    else:
        Console().print(str(speed), markup=False, highlight=False, soft_wrap=True)
