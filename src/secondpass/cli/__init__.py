"""The command line: one file per command."""

from __future__ import annotations

import typer
from rich.console import Console

from secondpass.cli import (
    batch,
    bench,
    evaluate,
    export,
    index,
    mcp,
    plan,
    report,
    rerank,
    serve,
    train,
)
from secondpass.cli.streams import guarded_streams
from secondpass.core.errors import SecondPassError

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Put the right documents on top, and say how likely each is to be relevant.",
    rich_markup_mode=None,
)
for command in (
    rerank.rerank,
    index.index,
    evaluate.evaluate,
    report.report,
    train.train,
    export.export,
    bench.bench,
    serve.serve,
    batch.batch,
    plan.plan,
    mcp.mcp,
):
    app.command()(command)


def main() -> None:
    """Run the command line; what goes wrong is one line and an exit status, not a traceback."""
    with guarded_streams():
        try:
            app(standalone_mode=True)
        except SecondPassError as error:
            Console(stderr=True).print(
                f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True
            )
            raise SystemExit(2) from None
