"""What `secondpass evaluate` and `report` are asked alike: a collection and contenders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from secondpass.errors import InvalidInputError

if TYPE_CHECKING:
    from secondpass.evaluate import Collection

FIRST_STAGE = "first-stage"

CollectionPath = Annotated[
    str,
    typer.Argument(help="Folder in BEIR's layout, or a JSONL file of queries, texts and labels."),
]
Models = Annotated[
    list[str] | None,
    typer.Option(help="Model string, or the path of a recipe (.json). May be repeated."),
]
Baseline = Annotated[
    str, typer.Option(help="What to beat: a model, a recipe, or the order of the candidates.")
]
Run = Annotated[
    str | None,
    typer.Option(help="First stage: a TREC run file, or 'judged'. BM25 is made if absent."),
]
Qrels = Annotated[str | None, typer.Option(help="Another file of judgements.")]
Metrics = Annotated[
    str,
    typer.Option(
        help="nDCG@10, MRR@10, MAP@100, Recall@100, P@5; with commas. The first decides, and "
        "each costs the test some power."
    ),
]
Depth = Annotated[int, typer.Option(help="Candidates of each query.")]
RelevantFrom = Annotated[int, typer.Option(help="Least grade that is relevant.")]
Queries = Annotated[int | None, typer.Option(help="Only the first so many queries.")]
OnlyAnswerable = Annotated[
    bool, typer.Option("--only-answerable", help="Leave out queries with nothing relevant.")
]
Batch = Annotated[int, typer.Option(help="Queries that run at once.")]
Seed = Annotated[int, typer.Option(help="Of bootstrap and test.")]


def check_sizes(depth: int, queries: int | None) -> None:
    """Before anything is read."""
    if depth < 1 or (queries is not None and queries < 1):
        raise InvalidInputError(f"--depth {depth} --queries {queries}: each is 1 or more")


def opened(
    path: str,
    run: str | None,
    *,
    depth: int,
    qrels: str | None,
    relevant_from: int,
    queries: int | None,
    only_answerable: bool,
) -> Collection:
    """The part of a collection that the options name."""
    from secondpass.evaluate import read_collection

    read = read_collection(path, run, depth=depth, qrels=qrels, relevant_from=relevant_from)
    if only_answerable:
        read = read.with_relevant()
    return read if queries is None else read.head(queries)


def contenders(models: list[str] | None) -> dict[str, str]:
    """What is compared, by the name it is shown under; the built-in model if none is given."""
    from secondpass.models.load import is_recipe_file

    given = list(dict.fromkeys(models or ["builtin"]))
    named = {Path(m).stem if is_recipe_file(m) else m: m for m in given}
    if len(named) < len(given):
        raise InvalidInputError(f"two recipes have the same file name: {', '.join(given)}")
    return named


def compared_with(baseline: str) -> str | None:
    """None is the order of the candidates."""
    return None if baseline == FIRST_STAGE else baseline
