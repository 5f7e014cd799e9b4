"""`secondpass export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from secondpass.cli.options import Int8


def export(
    model: Annotated[str, typer.Argument(help="Cross-encoder: folder or hub id.")],
    directory: Annotated[Path, typer.Argument(help="Folder to write.")],
    int8: Int8 = False,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option(help="Run Python code from the model's repository.")
    ] = False,
) -> None:
    """Write a cross-encoder as ONNX, checked against the original."""
    from secondpass.models.export.export import export as write

    report = write(
        model, directory, int8=int8, revision=revision, trust_remote_code=trust_remote_code
    )
    console = Console()
    table = Table(title=f"{model} and its export, scores of sample pairs")
    for column in ("pair", "original", "exported", "difference"):
        table.add_column(column, justify="left" if column == "pair" else "right")
    for pair in report.pairs:
        figures = (pair.original, pair.exported, pair.difference)
        table.add_row(pair.name, *(f"{x:.5f}" for x in figures))
    console.print(table)
    console.print(
        f"{directory}/model.onnx: {report.size / 1e6:.1f} MB; largest difference "
        f"{report.max_difference:.5f}, allowed {report.tolerance:.3g}",
        markup=False,
    )
    console.print(f'Use it: load("onnx:{directory}")', markup=False)
