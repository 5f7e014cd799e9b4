"""`secondpass rerank`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from secondpass._rerank import rerank as rerank_documents
from secondpass.cli.documents import HELP, decode_query, read_documents
from secondpass.cli.options import MODEL_HELP, AsJson, check_above, check_from
from secondpass.cli.streams import progress_bar
from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError, NoScoresError, NotCalibratedError
from secondpass.core.evidence import evidence_details, shown_evidence
from secondpass.core.ranking import Ranking
from secondpass.core.ranking_details import notes_by_stage
from secondpass.core.stage import Stage
from secondpass.models.load import as_stage
from secondpass.stages.score import Score

SHOWN = 160
"""Characters of a text in the table."""
EVIDENCE = "bold underline"
"""How evidence is set in the table; a terminal without colours shows it too."""


def rerank(  # noqa: PLR0917 - typer turns them into options
    query: Annotated[str, typer.Argument(help="The query.")],
    file: Annotated[str, typer.Argument(help=HELP)] = "-",
    model: Annotated[str, typer.Option(help=MODEL_HELP)] = "builtin",
    top_k: Annotated[
        int | None, typer.Option(help="Maximum number to keep.", callback=check_from(0))
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            "--at-least",
            help="Keep those with at least this P(relevant).",
            callback=check_from(0, 1, "give a probability"),
        ),
    ] = None,
    keep_at_least: Annotated[
        int,
        typer.Option(
            help="Keep at least this many of the best, whatever --threshold is.",
            callback=check_from(0),
        ),
    ] = 0,
    deadline: Annotated[
        float | None,
        typer.Option(
            help="Seconds; then the best order so far is printed.",
            callback=check_above(0, what="give seconds"),
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Order documents by relevance to a query."""
    before = Ranking.of(decode_query(query), read_documents(file))
    if threshold is None and keep_at_least:
        raise InvalidInputError("--keep-at-least says how many --threshold leaves; give it too")
    stage = as_stage(model)
    with _progress(stage):
        try:
            ranking = rerank_documents(
                before.query, before, model=stage, top_k=top_k, threshold=threshold,
                keep_at_least=keep_at_least, deadline=deadline,
            )  # fmt: skip
        except (NotCalibratedError, NoScoresError) as error:
            if threshold is None:
                raise
            scores = "raw scores" if isinstance(error, NotCalibratedError) else "only an order"
            raise NotCalibratedError(
                f"--threshold {threshold:g} needs probabilities, and --model {model} gives "
                f"{scores}; name a recipe with a calibrator, such as `secondpass train` writes, or "
                "cut with --top-k"
            ) from error
    if as_json:
        print(json.dumps(_to_dict(ranking, before), ensure_ascii=False))  # noqa: T201
    else:
        _print_table(ranking, before)


def _progress(stage: Stage) -> Progress:
    """A bar that shows the progress of the models that report it."""
    bar = progress_bar("reading pairs")
    for part in stage.parts:
        if isinstance(part, Score) and hasattr(part.scorer, "on_progress"):
            task = bar.add_task(part.name, total=None)
            part.scorer.on_progress = lambda done, total, task=task: bar.update(
                task, completed=done, total=total
            )
    return bar


def _to_dict(ranking: Ranking, before: Ranking) -> dict[str, Any]:
    rank_before = {id: rank for rank, id in enumerate(before.ids, start=1)}
    return {
        "query": ranking.query,
        "scale": ranking.scale,
        "status": ranking.status,
        "results": [
            {
                "rank": rank,
                "was": rank_before[c.id],
                "id": c.id,
                "score": c.score,
                "text": c.text,
                "metadata": dict(c.metadata),
                "evidence": evidence_details(c.evidence),
                "notes": notes_by_stage(c),
            }
            for rank, c in enumerate(ranking, start=1)
        ],
        "events": [
            {"stage": e.stage, "kind": e.kind, "message": e.message} for e in ranking.events
        ],
    }


def _print_table(ranking: Ranking, before: Ranking) -> None:
    console = Console()
    rank_before = {id: rank for rank, id in enumerate(before.ids, start=1)}
    table = Table(title=Text(ranking.query), show_lines=False)
    score_name = {"probability": "P(relevant)", "raw": "raw score", "order": ""}[ranking.scale]
    for column in ("rank", "was", score_name, "id"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("text")
    for rank, c in enumerate(ranking, start=1):
        score = "" if c.score is None else f"{c.score:.3f}"
        table.add_row(str(rank), str(rank_before[c.id]), score, Text(c.id), _highlighted(c))
    console.print(table)
    if not len(ranking):
        console.print("No document is relevant enough." if len(before) else "No documents.")
    for event in ranking.events:
        console.print(f"{event.stage}: {event.message}", style="dim", markup=False)


def _highlighted(candidate: Candidate) -> Text:
    pieces = shown_evidence(candidate.text, candidate.evidence, SHOWN)
    return Text.assemble(*((piece, EVIDENCE if marked else "") for piece, marked in pieces))
