"""`secondpass index`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from secondpass.cli.documents import HELP, read_documents
from secondpass.cli.options import check_from
from secondpass.cli.streams import progress_bar


def index(
    vectors: Annotated[
        Path,
        typer.Argument(
            help="File to keep the vectors in; created if it does not exist. One that ends in "
            ".lmdb is faster (extra lmdb), one in .small or .small.lmdb takes a quarter of the "
            "bytes; a folder that exists holds 16 files."
        ),
    ],
    file: Annotated[str, typer.Argument(help=HELP)] = "-",
    max_length: Annotated[
        int,
        typer.Option(help="Longest text in tokens; rerank with the same.", callback=check_from(1)),
    ] = 512,
) -> None:
    """Have the built-in model read documents once, for --model builtin-split:VECTORS."""
    from secondpass.models.builtin.model import Builtin  # loads numpy and ONNX Runtime

    texts = [document.text for document in read_documents(file)]
    with progress_bar("reading documents") as bar:
        task = bar.add_task("documents", total=len(texts))
        model = Builtin(
            vectors=vectors,
            max_length=max_length,
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
        new = model.encode(texts)
    files = list(vectors.iterdir()) if vectors.is_dir() else [vectors]
    size = sum(file.stat().st_size for file in files) / 1e6
    Console().print(
        f"{len(texts)} documents, {new} of them new, in {vectors} ({size:.1f} MB). "
        f"Use it as: --model builtin-split:{vectors}",
        markup=False,
        soft_wrap=True,
    )
