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
from secondpass.cli.numbers import number_above, number_from
from secondpass.core.errors import InvalidInputError
from secondpass.core.jsonl import line_name, read_rows

if TYPE_CHECKING:
    from secondpass.train import TrainingProgress, TrainingReport

MARGIN = 0.0
"""Of the false-negative filter, for negatives that were mined: see `fine_tune`."""
SHORTEST = 16
"""Tokens, as `fine_tune` has it; asked for here, before its heavy imports."""


def train(  # noqa: PLR0917 - typer turns them into options
    data: Annotated[
        Path,
        typer.Argument(
            help="JSONL: judged lists {'query', 'texts', 'labels'}, or pairs {'query', 'positive', "
            "'negatives'}, whose missing negatives are mined."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write; an interrupted run goes on.")],
    model: Annotated[
        str, typer.Option(help="'builtin', or folder or hub id of a cross-encoder.")
    ] = "builtin",
    epochs: Annotated[
        float, typer.Option(help="Passes over the training queries.", callback=number_above(0))
    ] = 2,
    lr: Annotated[float, typer.Option(help="Peak learning rate.", callback=number_above(0))] = 2e-5,
    batch: Annotated[int, typer.Option(help="Lists in a step.", callback=number_from(1))] = 8,
    max_length: Annotated[
        int,
        typer.Option(help="Tokens of a pair that training reads.", callback=number_from(SHORTEST)),
    ] = 512,
    loss: Annotated[str, typer.Option(help="auto, listwise, listnet or pointwise.")] = "auto",
    held_out: Annotated[
        float,
        typer.Option(
            help="Share of queries to measure on.",
            callback=number_above(0, 0.5, "give a share of the queries"),
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
        int, typer.Option(help="For pairs: negatives of a query.", callback=number_from(1))
    ] = 15,
    hours: Annotated[
        float | None, typer.Option(help="Stop training after so many.", callback=number_above(0))
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the split and the order.")] = 0,
    int8: Annotated[bool, typer.Option("--int8", help="Quantise the weights to 8 bits.")] = False,
    onnx: Annotated[bool, typer.Option(help="Export to ONNX.")] = True,
    verify: Annotated[
        bool, typer.Option(help="Refuse a result that fails three easy questions.")
    ] = True,
) -> None:
    """Fine-tune a cross-encoder on your own judged queries, and measure what it did."""
    from secondpass.train import fine_tune
    from secondpass.train.config import LOSSES

    chosen = next((name for name in LOSSES if name == loss), None)
    if chosen is None:
        raise InvalidInputError(f"--loss {loss}: one of {', '.join(LOSSES)}")
    judged, mined = _judged(data, run, negatives)
    errors = Console(stderr=True)
    try:
        with _Shown(errors) as shown:
            report = fine_tune(
                judged,
                out=out,
                model=model,
                epochs=epochs,
                lr=lr,
                batch=batch,
                max_length=max_length,
                loss=chosen,
                held_out=held_out,
                seed=seed,
                int8=int8,
                onnx=onnx,
                hours=hours,
                verify=verify,
                false_negative_margin=MARGIN if mined else None,
                on_progress=shown.tell,
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
    _show(report)


def _judged(data: Path, run: Path | None, negatives: int) -> tuple[list[JudgedQuery], bool]:
    """The data as judged lists, and whether some of their candidates were mined."""
    from secondpass.train import QueryPairs, mine_negatives, read_training_data

    given = read_training_data(data)
    pairs = [row for row in given if isinstance(row, QueryPairs)]
    if pairs:
        if run is None:
            return mine_negatives(pairs, per_query=negatives), True
        return mine_negatives(pairs, _run(run), per_query=negatives), True
    if run is not None:
        raise InvalidInputError(f"--run is for pairs, and {data} holds judged lists")
    return [row for row in given if isinstance(row, JudgedQuery)], False


def _run(path: Path) -> Mapping[str, list[str]]:
    results: dict[str, list[str]] = {}
    for number, row in read_rows(path):
        fits = isinstance(row, dict) and isinstance(row.get("query"), str)
        if not fits or not isinstance(row.get("texts"), list):
            raise InvalidInputError(
                f"--run {line_name(path, number)} is no result of a query. Expected "
                '{"query": "...", "texts": [...]}'
            )
        results[row["query"]] = row["texts"]
    return results


class _Shown:
    """A bar on standard error, where that is a terminal; else a line for each phase."""

    def __init__(self, console: Console) -> None:
        self.console, self.phase = console, ""
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task("reading", total=None, said="")

    def __enter__(self) -> _Shown:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def tell(self, now: TrainingProgress) -> None:
        """Show a moment of the run."""
        if now.phase != self.phase:
            self.phase = now.phase
            if not self.console.is_terminal:
                self.console.print(now.phase, style="dim", markup=False)
        said = []
        if now.loss is not None:
            said.append(f"loss {now.loss:.4f}")
        if now.pairs_per_second is not None:
            said.append(f"{now.pairs_per_second:.0f} pairs/s")
        if now.seconds_left is not None:
            minutes, seconds = divmod(round(now.seconds_left), 60)
            said.append(f"{minutes}:{seconds:02d} left")
        self.bar.update(
            self.task, description=now.phase, completed=now.done, total=now.total or None,
            said=", ".join(said),
        )  # fmt: skip


def _show(report: TrainingReport) -> None:
    console = Console()
    table = Table(title=f"{len(report.before.ndcg10)} held-out queries")
    for column in ("", "before", "after"):
        table.add_column(column, justify="left" if not column else "right")
    rows = (
        ("nDCG@10", report.before.mean, report.after.mean),
        ("MRR@10", report.before.mrr10, report.after.mrr10),
        ("calibration error", report.before.calibration_error, report.after.calibration_error),
    )
    for name, *figures in rows:
        table.add_row(name, *("-" if f is None else f"{f:.4f}" for f in figures))
    console.print(table)
    console.print(report.summary(), markup=False, highlight=False)
    console.print(f'Use it: Recipe.read("{report.recipe}").stage()', markup=False, soft_wrap=True)
