"""Options that several commands share, and checks of the numbers that options take."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from secondpass.core.errors import InvalidInputError

if TYPE_CHECKING:
    from secondpass.evaluate import Collection

Number = float | None
Check = Callable[[typer.CallbackParam, Number], Number]
"""A callback of an option, which runs before any work. Infinities and NaN are never accepted; None
is an option that was not given."""


def check_from(low: float, high: float = math.inf, what: str = "give") -> Check:
    """From `low` to `high`, both allowed."""
    bounds = f"{low:g} or more" if high == math.inf else f"from {low:g} to {high:g}"
    return _check(lambda number: low <= number <= high, f"{what} {bounds}")


def check_above(low: float, high: float = math.inf, what: str = "give a number") -> Check:
    """Above `low`, and up to `high`."""
    bounds = f"above {low:g}" + ("" if high == math.inf else f", up to {high:g}")
    return _check(lambda number: low < number <= high, f"{what} {bounds}")


def _check(is_valid: Callable[[float], bool], remedy: str) -> Check:
    def check(param: typer.CallbackParam, value: Number) -> Number:
        if value is not None and not (math.isfinite(value) and is_valid(value)):
            raise InvalidInputError(f"{' / '.join(param.opts)} {value:g}: {remedy}")
        return value

    return check


MODEL_HELP = "Model string, or the path of a recipe (.json)."
FIRST_STAGE = "first-stage"

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Int8 = Annotated[bool, typer.Option("--int8", help="Quantise the weights to 8 bits.")]
CollectionPath = Annotated[
    str,
    typer.Argument(help="Folder in BEIR's layout, or a JSONL file of queries, texts and labels."),
]
Models = Annotated[list[str] | None, typer.Option(help=f"{MODEL_HELP} May be repeated.")]
Baseline = Annotated[
    str, typer.Option(help="What to beat: a model, a recipe, or the order of the candidates.")
]
Run = Annotated[
    str | None,
    typer.Option(help="First stage: a TREC run file, or 'judged'. BM25 is run if absent."),
]
Qrels = Annotated[str | None, typer.Option(help="Another file of judgements.")]
Metrics = Annotated[
    str,
    typer.Option(
        help="nDCG@10, MRR@10, MAP@100, Recall@100, P@5; separated by commas. The first decides, "
        "and each costs the test some power."
    ),
]
Depth = Annotated[int, typer.Option(help="Candidates per query.", callback=check_from(1))]
RelevantFrom = Annotated[
    int, typer.Option(help="Lowest grade that is relevant.", callback=check_from(0))
]
Queries = Annotated[
    int | None, typer.Option(help="Only this many queries, the first.", callback=check_from(1))
]
OnlyAnswerable = Annotated[
    bool, typer.Option("--only-answerable", help="Leave out queries with nothing relevant.")
]
Batch = Annotated[
    int, typer.Option(help="Number of queries that run at once.", callback=check_from(1))
]
Seed = Annotated[int, typer.Option(help="Of bootstrap and test.")]


def open_collection(
    path: str,
    run: str | None,
    *,
    depth: int,
    qrels: str | None,
    relevant_from: int,
    queries: int | None,
    only_answerable: bool,
) -> Collection:
    """The part of a collection that the options select."""
    from secondpass.evaluate import read_collection

    if (run or qrels) and Path(path).is_file():
        raise InvalidInputError(
            f"--run and --qrels go with a folder in BEIR's layout; {path} is a file, which holds "
            "candidates and labels itself"
        )
    collection = read_collection(path, run, depth=depth, qrels=qrels, relevant_from=relevant_from)
    if only_answerable:
        collection = collection.with_relevant()
    return collection if queries is None else collection.head(queries)


def split_metrics(metrics: str) -> list[str]:
    """The names that --metrics lists."""
    names = [name.strip() for name in metrics.split(",") if name.strip()]
    if not names:
        raise InvalidInputError(f"--metrics {metrics!r}: name at least one, such as nDCG@10")
    return names


def name_models(models: list[str] | None) -> dict[str, str]:
    """The models to compare, by the name that is shown; the built-in one if none is given."""
    from secondpass.models.load import is_recipe_file

    distinct = list(dict.fromkeys(models or ["builtin"]))
    named = {Path(m).stem if is_recipe_file(m) else m: m for m in distinct}
    if len(named) < len(distinct):
        raise InvalidInputError(f"two recipes have the same file name: {', '.join(distinct)}")
    return named


def baseline_model(baseline: str) -> str | None:
    """None is the order of the candidates."""
    return None if baseline == FIRST_STAGE else baseline
