"""`secondpass rerank`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from secondpass.cli.documents import HELP, documents, typed_query
from secondpass.cli.numbers import number_from
from secondpass.cli.progress import bar
from secondpass.core.errors import InvalidInputError, NotCalibratedError
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage
from secondpass.models.load import as_stage
from secondpass.stages.cut import Top
from secondpass.stages.score import Score
from secondpass.stages.threshold import Threshold

SHOWN = 160
"""Characters of a text in the table."""


def rerank(  # noqa: PLR0917 - typer turns them into options
    query: Annotated[str, typer.Argument(help="What was asked.")],
    file: Annotated[
        str,
        typer.Argument(help=HELP),
    ] = "-",
    model: Annotated[
        str, typer.Option(help="Model string, or the path of a recipe (.json).")
    ] = "builtin",
    top_k: Annotated[
        int | None, typer.Option(help="Keep so many at most.", callback=number_from(0))
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            "--at-least",
            help="Keep those with at least this P(relevant).",
            callback=number_from(0, 1, "give a probability"),
        ),
    ] = None,
    keep_at_least: Annotated[
        int,
        typer.Option(
            help="Keep so many of the best whatever --threshold says.", callback=number_from(0)
        ),
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Order documents by relevance to a query."""
    given = Ranking.of(typed_query(query), documents(file))
    if threshold is None and keep_at_least:
        raise InvalidInputError("--keep-at-least says how many --threshold leaves; give it too")
    stage = as_stage(model)
    with _progress(stage):
        ranking = stage(given)
    if threshold is not None:
        if ranking.scale != "probability":
            raise NotCalibratedError(
                f"--threshold {threshold:g} needs probabilities, and --model {model} gives "
                f"{'only an order' if ranking.scale == 'order' else 'raw scores'}; name a recipe "
                "with a calibrator, such as `secondpass train` writes, or cut with --top-k"
            )
        ranking = Threshold(threshold, keep_at_least=keep_at_least)(ranking)
    if top_k is not None:
        ranking = Top(top_k)(ranking)
    if as_json:
        print(json.dumps(_plain(ranking, given), ensure_ascii=False))  # noqa: T201
    else:
        _show(ranking, given)


def _progress(stage: Stage) -> Progress:
    """A bar fed by the models that report."""
    shown = bar("reading pairs")
    for part in stage.parts:
        if isinstance(part, Score) and hasattr(part.scorer, "on_progress"):
            task = shown.add_task(part.name, total=None)
            part.scorer.on_progress = lambda done, total, task=task: shown.update(
                task, completed=done, total=total
            )
    return shown


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
