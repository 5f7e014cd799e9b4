"""The command `secondpass train`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from secondpass.calibrate import JudgedQuery
from secondpass.cli.options import Int8, check_above, check_from
from secondpass.core.errors import InvalidInputError
from secondpass.core.jsonl import line_name, read_rows
from secondpass.train.config import LOSSES, SHORTEST

if TYPE_CHECKING:
    from secondpass.train import TrainingProgress, TrainingReport

MARGIN = 0.0
"""Of the false-negative filter, for negatives that were mined: see `fine_tune`."""


def train(  # noqa: PLR0917 - typer turns them into options
    data: Annotated[
        Path,
        typer.Argument(
            help="JSONL: judged lists {'query', 'texts', 'labels'}, or pairs {'query', 'positive', "
            "'negatives'}, whose missing negatives are mined."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write; an interrupted run is resumed.")],
    model: Annotated[
        str, typer.Option(help="'builtin', or folder or hub id of a cross-encoder.")
    ] = "builtin",
    epochs: Annotated[
        float, typer.Option(help="Passes over the training queries.", callback=check_above(0))
    ] = 2,
    lr: Annotated[float, typer.Option(help="Peak learning rate.", callback=check_above(0))] = 2e-5,
    batch: Annotated[
        int, typer.Option(help="Number of lists per step.", callback=check_from(1))
    ] = 8,
    max_length: Annotated[
        int,
        typer.Option(help="Tokens of a pair that training reads.", callback=check_from(SHORTEST)),
    ] = 512,
    loss: Annotated[str, typer.Option(help="auto, listwise, listnet or pointwise.")] = "auto",
    held_out: Annotated[
        float,
        typer.Option(
            help="Share of queries to measure on.",
            callback=check_above(0, 0.5, "give a share of the queries"),
        ),
    ] = 0.2,
    run: Annotated[
        Path | None,
        typer.Option(
            help="For pairs: your retriever's results, JSONL {'query', 'texts'} best first, to "
            "mine negatives from; BM25 over the texts of DATA if not given."
        ),
    ] = None,
    negatives: Annotated[
        int, typer.Option(help="For pairs: number of negatives per query.", callback=check_from(1))
    ] = 15,
    hours: Annotated[
        float | None, typer.Option(help="Stop training after this many.", callback=check_above(0))
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the split and the order.")] = 0,
    int8: Int8 = False,
    onnx: Annotated[bool, typer.Option(help="Export to ONNX.")] = True,
    verify: Annotated[
        bool, typer.Option(help="Refuse a result that fails three easy questions.")
    ] = True,
) -> None:
    """Fine-tune a cross-encoder on your own judged queries, and measure what it did."""
    from secondpass.train import fine_tune

    known_loss = next((name for name in LOSSES if name == loss), None)
    if known_loss is None:
        raise InvalidInputError(f"--loss {loss}: one of {', '.join(LOSSES)}")
    judged, is_mined = _read_judged(data, run, negatives)
    errors = Console(stderr=True)
    try:
        with _ProgressBar(errors) as bar:
            report = fine_tune(
                judged,
                out=out,
                model=model,
                epochs=epochs,
                lr=lr,
                batch=batch,
                max_length=max_length,
                loss=known_loss,
                held_out=held_out,
                seed=seed,
                int8=int8,
                onnx=onnx,
                hours=hours,
                verify=verify,
                false_negative_margin=MARGIN if is_mined else None,
                on_progress=bar.show,
            )
    except KeyboardInterrupt as error:
        notes = getattr(error, "__notes__", ["interrupted"])
        errors.print("; ".join(notes), style="yellow", markup=False, soft_wrap=True)
        raise typer.Exit(130) from None
    except OSError as error:
        errors.print(
            f"error: the system refused to read or write: {error}. What was written stays in {out}",
            style="red", markup=False, soft_wrap=True,
        )  # fmt: skip
        raise typer.Exit(1) from None
    _print(report)


def _read_judged(data: Path, run: Path | None, negatives: int) -> tuple[list[JudgedQuery], bool]:
    """The data as judged lists, and whether some of their candidates were mined."""
    from secondpass.train import QueryPairs, mine_negatives, read_training_data

    rows = read_training_data(data)
    pairs = [row for row in rows if isinstance(row, QueryPairs)]
    if pairs:
        if run is None:
            return mine_negatives(pairs, per_query=negatives), True
        return mine_negatives(pairs, _read_run(run), per_query=negatives), True
    if run is not None:
        raise InvalidInputError(f"--run is for pairs, and {data} holds judged lists")
    return [row for row in rows if isinstance(row, JudgedQuery)], False


def _read_run(path: Path) -> Mapping[str, list[str]]:
    results: dict[str, list[str]] = {}
    for number, row in read_rows(path):
        has_query = isinstance(row, dict) and isinstance(row.get("query"), str)
        if not has_query or not isinstance(row.get("texts"), list):
            raise InvalidInputError(
                f"--run {line_name(path, number)} is not the result of a query. Expected "
                '{"query": "...", "texts": [...]}'
            )
        results[row["query"]] = row["texts"]
    return results


class _ProgressBar:
    """A bar on standard error, where that is a terminal; else a line for each phase."""

    def __init__(self, console: Console) -> None:
        self.console, self.phase = console, ""
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task("reading", total=None, figures="")

    def __enter__(self) -> _ProgressBar:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def show(self, now: TrainingProgress) -> None:
        """Show a moment of the run."""
        if now.phase != self.phase:
            self.phase = now.phase
            if not self.console.is_terminal:
                self.console.print(now.phase, style="dim", markup=False)
        figures = []
        if now.loss is not None:
            figures.append(f"loss {now.loss:.4f}")
        if now.pairs_per_second is not None:
            figures.append(f"{now.pairs_per_second:.0f} pairs/s")
        if now.seconds_left is not None:
            minutes, seconds = divmod(round(now.seconds_left), 60)
            figures.append(f"{minutes}:{seconds:02d} left")
        self.bar.update(
            self.task, description=now.phase, completed=now.done, total=now.total or None,
            figures=", ".join(figures),
        )  # fmt: skip


def _print(report: TrainingReport) -> None:
    console = Console()
    table = Table(title=f"{len(report.before.ndcg10)} held-out queries")
    for column in ("", "before", "after"):
        table.add_column(column, justify="left" if not column else "right")
    rows = (
        ("nDCG@10", report.before.mean, report.after.mean),
        ("MRR@10", report.before.mrr10, report.after.mrr10),
        ("calibration error", report.before.calibration_error, report.after.calibration_error),
    )
    for name, *values in rows:
        table.add_row(name, *("-" if v is None else f"{v:.4f}" for v in values))
    console.print(table)
    console.print(report.summary(), markup=False, highlight=False)
    console.print(f'Use it: Recipe.read("{report.recipe}").stage()', markup=False, soft_wrap=True)
