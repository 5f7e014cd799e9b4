"""What `secondpass evaluate` and `report` are asked alike: a collection and contenders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from secondpass.cli.numbers import number_from
from secondpass.core.errors import InvalidInputError

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
Depth = Annotated[int, typer.Option(help="Candidates of each query.", callback=number_from(1))]
RelevantFrom = Annotated[
    int, typer.Option(help="Least grade that is relevant.", callback=number_from(0))
]
Queries = Annotated[
    int | None, typer.Option(help="Only the first so many queries.", callback=number_from(1))
]
OnlyAnswerable = Annotated[
    bool, typer.Option("--only-answerable", help="Leave out queries with nothing relevant.")
]
Batch = Annotated[int, typer.Option(help="Queries that run at once.", callback=number_from(1))]
Seed = Annotated[int, typer.Option(help="Of bootstrap and test.")]


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

    if (run or qrels) and Path(path).is_file():
        raise InvalidInputError(
            f"--run and --qrels go with a folder in BEIR's layout; {path} is a file, which holds "
            "candidates and labels itself"
        )
    read = read_collection(path, run, depth=depth, qrels=qrels, relevant_from=relevant_from)
    if only_answerable:
        read = read.with_relevant()
    return read if queries is None else read.head(queries)


def metric_names(metrics: str) -> list[str]:
    """What --metrics lists."""
    names = [name.strip() for name in metrics.split(",") if name.strip()]
    if not names:
        raise InvalidInputError(f"--metrics {metrics!r}: name at least one, such as nDCG@10")
    return names


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
