"""`secondpass index`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from secondpass.cli.documents import HELP, documents
from secondpass.cli.numbers import number_from
from secondpass.cli.progress import bar


def index(
    vectors: Annotated[
        Path, typer.Argument(help="File to keep the vectors in; made if it does not exist.")
    ],
    file: Annotated[str, typer.Argument(help=HELP)] = "-",
    max_length: Annotated[
        int,
        typer.Option(help="Longest text in tokens; rerank with the same.", callback=number_from(1)),
    ] = 512,
) -> None:
    """Have the built-in model read documents once, for --model builtin-split:VECTORS."""
    from secondpass.models.builtin.model import Builtin  # loads numpy and ONNX Runtime

    texts = [document.text for document in documents(file)]
    with bar("reading documents") as shown:
        task = shown.add_task("documents", total=len(texts))
        model = Builtin(
            vectors=vectors,
            max_length=max_length,
            on_progress=lambda done, total: shown.update(task, completed=done, total=total),
        )
        new = model.encode(texts)
    kept = vectors.stat().st_size / 1e6
    Console().print(
        f"{len(texts)} documents, {new} of them new, in {vectors} ({kept:.1f} MB). "
        f"Use it as: --model builtin-split:{vectors}",
        markup=False,
        soft_wrap=True,
    )
