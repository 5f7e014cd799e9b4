"""The command line: `secondpass rerank`, `secondpass export`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from secondpass.candidate import Candidate
from secondpass.cli_train import train
from secondpass.cut import Top
from secondpass.errors import InvalidInputError, SecondPassError
from secondpass.models.load import load
from secondpass.ranking import Ranking
from secondpass.recipe import Recipe
from secondpass.score import Score
from secondpass.stage import Pipeline, Stage
from secondpass.threshold import Threshold

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Put the right documents on top, and say how likely each is to be relevant.",
    rich_markup_mode=None,
)
SHOWN = 160
"""Characters of a text in the table."""
app.command()(train)


@app.command()
def rerank(  # noqa: PLR0917 - typer turns them into options
    query: Annotated[str, typer.Argument(help="What was asked.")],
    file: Annotated[
        str,
        typer.Argument(
            help="Documents, one a line: JSON objects with a field 'text' (and 'id', and any "
            "metadata), JSON strings, or plain text. '-' reads standard input."
        ),
    ] = "-",
    model: Annotated[
        str, typer.Option(help="Model string, or the path of a recipe (.json).")
    ] = "builtin",
    top_k: Annotated[int | None, typer.Option(help="Keep so many at most.")] = None,
    at_least: Annotated[
        float | None, typer.Option(help="Keep those with at least this P(relevant).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Order documents by relevance to a query."""
    given = Ranking.of(query, _read(file))
    stages = [Recipe.read(model).stage() if model.endswith(".json") else load(model)]
    if at_least is not None:
        stages.append(Threshold(at_least))
    if top_k is not None:
        stages.append(Top(top_k))
    with _progress(stages[0]):
        ranking = Pipeline(*stages)(given)
    if as_json:
        print(json.dumps(_plain(ranking, given), ensure_ascii=False))  # noqa: T201
    else:
        _show(ranking, given)


@app.command()
def export(
    model: Annotated[str, typer.Argument(help="Cross-encoder: folder or hub id.")],
    directory: Annotated[Path, typer.Argument(help="Folder to write.")],
    int8: Annotated[bool, typer.Option("--int8", help="Quantise the weights to 8 bits.")] = False,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option(help="Run Python code from the model's repository.")
    ] = False,
) -> None:
    """Write a cross-encoder as ONNX, checked against the original."""
    from secondpass.models.export import export as write

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


def main() -> None:
    """Run the command line; errors of this library are one line, not a traceback."""
    try:
        app(standalone_mode=True)
    except SecondPassError as error:
        Console(stderr=True).print(
            f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True
        )
        raise SystemExit(2) from None


def _read(file: str) -> list[Candidate]:
    try:
        source = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"cannot read {file}: {error}") from error
    lines = [(n, line) for n, line in enumerate(source.splitlines(), start=1) if line.strip()]
    return [_document(line, str(place), file, n) for place, (n, line) in enumerate(lines)]


def _document(line: str, id: str, file: str, number: int) -> Candidate:
    if line.lstrip()[0] not in '{"':
        return Candidate(id, line)
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InvalidInputError(f"{file}, line {number} is no JSON: {error}") from error
    if isinstance(row, str):
        return Candidate(id, row)
    if not isinstance(row.get("text"), str):
        raise InvalidInputError(f"{file}, line {number} has no field 'text' with a string in it")
    metadata = {key: value for key, value in row.items() if key not in ("id", "text")}
    return Candidate(str(row.get("id", id)), row["text"], metadata)


def _progress(stage: Stage) -> Progress:
    """A bar on standard error, where that is a terminal, fed by the models that report."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("reading pairs"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    for part in stage if isinstance(stage, Pipeline) else [stage]:
        if isinstance(part, Score) and hasattr(part.scorer, "on_progress"):
            task = bar.add_task(part.name, total=None)
            part.scorer.on_progress = lambda done, total, task=task: bar.update(
                task, completed=done, total=total
            )
    return bar


def _plain(ranking: Ranking, given: Ranking) -> dict[str, Any]:
    was = {id: place for place, id in enumerate(given.ids, start=1)}
    return {
        "query": ranking.query,
        "scale": ranking.scale,
        "results": [
            {
                "rank": place,
                "was": was[c.id],
                "id": c.id,
                "score": c.score,
                "text": c.text,
                "metadata": dict(c.metadata),
                "notes": {mark.stage: dict(mark.note) for mark in c.trail if mark.note},
            }
            for place, c in enumerate(ranking, start=1)
        ],
        "events": [
            {"stage": e.stage, "kind": e.kind, "message": e.message} for e in ranking.events
        ],
    }


def _show(ranking: Ranking, given: Ranking) -> None:
    console = Console()
    was = {id: place for place, id in enumerate(given.ids, start=1)}
    table = Table(title=Text(ranking.query), show_lines=False)
    score = {"probability": "P(relevant)", "raw": "raw score", "order": ""}[ranking.scale]
    for column in ("rank", "was", score, "id"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("text")
    for place, c in enumerate(ranking, start=1):
        shown = "" if c.score is None else f"{c.score:.3f}"
        table.add_row(str(place), str(was[c.id]), shown, Text(c.id), Text(_short(c.text, SHOWN)))
    console.print(table)
    if not len(ranking):
        console.print("No document is relevant enough." if len(given) else "No documents.")
    for event in ranking.events:
        console.print(f"{event.stage}: {event.message}", style="dim", markup=False)


def _short(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"
