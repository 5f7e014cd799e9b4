"""`secondpass plan`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from secondpass.cli.options import AsJson, check_above, check_from


def plan(  # noqa: PLR0917 - typer turns them into options
    requests_per_second: Annotated[
        float, typer.Option(help="At the busiest time.", callback=check_above(0))
    ] = 10,
    candidates: Annotated[int, typer.Option(help="Of a request.", callback=check_from(1))] = 100,
    words: Annotated[
        float, typer.Option(help="Of a candidate, on average.", callback=check_above(0))
    ] = 60,
    latency_ms: Annotated[
        float,
        typer.Option(help="For about 95 % of the requests.", callback=check_above(0)),
    ] = 500,
    corpus: Annotated[
        int,
        typer.Option(help="Passages whose vectors may be stored.", callback=check_from(0)),
    ] = 0,
    bench: Annotated[
        Path | None,
        typer.Option(help="What `secondpass bench --json` printed on such a machine."),
    ] = None,
    usd_per_core_hour: Annotated[
        float, typer.Option(help="With its memory.", callback=check_from(0))
    ] = 0.04,
    usd_per_gb_month: Annotated[
        float, typer.Option(help="Of disk.", callback=check_from(0))
    ] = 0.08,
    as_json: AsJson = False,
) -> None:
    """Machines, memory, disk and money for a demand, from measured rates."""
    from secondpass.bench.plan import XEON, Demand, plan_scale, plan_table, unit_costs

    costs = XEON if bench is None else unit_costs(bench)
    plans = plan_scale(
        Demand(
            requests_per_second=requests_per_second,
            candidates=candidates,
            words=words,
            latency=latency_ms / 1000,
            corpus=corpus,
            usd_per_core_hour=usd_per_core_hour,
            usd_per_gb_month=usd_per_gb_month,
        ),
        costs,
    )
    if as_json:
        values = {"processor": costs.processor, "plans": [one.to_dict() for one in plans]}
        print(json.dumps(values))  # noqa: T201
        return
    console = Console()
    table = Table(title=f"{requests_per_second:g} requests a second of {candidates} candidates")
    for head in ("", *(one.way for one in plans)):
        table.add_column(head)
    for head, cells in plan_table(plans).items():
        table.add_row(head, *cells)
    console.print(table)
    for one in plans:
        if one.limit:
            console.print(f"{one.way}: {one.limit}", markup=False, soft_wrap=True)
    console.print(
        f"Rates of {costs.processor}. One machine is to spare, processors are busy at most 60 % of "
        "the time, and what is on disk is there twice.",
        style="dim", markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip
