"""`secondpass evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from secondpass.cli.progress import bar
from secondpass.errors import InvalidInputError

if TYPE_CHECKING:
    from secondpass.evaluate import Comparison, DepthCurve

FIRST_STAGE = "first-stage"


def evaluate(  # noqa: PLR0917 - typer turns them into options
    collection: Annotated[
        str,
        typer.Argument(
            help="Folder in BEIR's layout, or a JSONL file of queries, texts and labels."
        ),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(help="Model string, or the path of a recipe (.json). May be repeated."),
    ] = None,
    baseline: Annotated[
        str, typer.Option(help="What to beat: a model, a recipe, or the order of the candidates.")
    ] = FIRST_STAGE,
    run: Annotated[
        str | None,
        typer.Option(help="First stage: a TREC run file, or 'judged'. BM25 is made if absent."),
    ] = None,
    qrels: Annotated[str | None, typer.Option(help="Another file of judgements.")] = None,
    metrics: Annotated[
        str,
        typer.Option(
            help="nDCG@10, MRR@10, MAP@100, Recall@100, P@5; with commas. The first decides, and "
            "each costs the test some power."
        ),
    ] = "nDCG@10",
    depth: Annotated[int, typer.Option(help="Candidates of each query.")] = 100,
    relevant_from: Annotated[int, typer.Option(help="Least grade that is relevant.")] = 1,
    queries: Annotated[int | None, typer.Option(help="Only the first so many queries.")] = None,
    only_answerable: Annotated[
        bool, typer.Option("--only-answerable", help="Leave out queries with nothing relevant.")
    ] = False,
    curve: Annotated[
        bool, typer.Option("--depth-curve", help="Also quality and time against depth.")
    ] = False,
    batch: Annotated[int, typer.Option(help="Queries that run at once.")] = 1,
    seed: Annotated[int, typer.Option(help="Of bootstrap and test.")] = 0,
    per_query: Annotated[
        str | None, typer.Option(help="Write per-query results: .jsonl or .csv.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say whether reranking helps, with confidence interval and test."""
    from secondpass.evaluate import compare, depth_curve, read_collection
    from secondpass.evaluate.written import check_ending

    if per_query is not None:
        check_ending(per_query)  # before minutes of work
    if depth < 1 or (queries is not None and queries < 1):
        raise InvalidInputError(f"--depth {depth} --queries {queries}: each is 1 or more")
    read = read_collection(collection, run, depth=depth, qrels=qrels, relevant_from=relevant_from)
    if only_answerable:
        read = read.with_relevant()
    if queries is not None:
        read = read.head(queries)
    models = list(dict.fromkeys(model or ["builtin"]))
    named = {_name(one): _model(one) for one in models}
    if len(named) < len(models):
        raise InvalidInputError(f"two recipes have the same file name: {', '.join(models)}")
    shown = bar("queries")
    task = shown.add_task("queries", total=None)
    with shown:
        comparison = compare(
            read,
            None if baseline == FIRST_STAGE else _model(baseline),
            named,
            [metric for metric in metrics.split(",") if metric.strip()],
            seed=seed,
            batch=batch,
            on_progress=lambda done, total: shown.update(task, completed=done, total=total),
        )
    curves = {}
    if curve:
        first = metrics.split(",")[0]
        curves = {name: depth_curve(one, read, metric=first) for name, one in named.items()}
    if per_query is not None:
        comparison.write(per_query)
    _show(comparison, curves, as_json)


def _show(comparison: Comparison, curves: dict[str, DepthCurve], as_json: bool) -> None:
    if as_json:
        import dataclasses

        data = comparison.to_dict()
        for name, curve in curves.items():
            knee = curve.knee.depth if curve.knee else None
            data["contenders"][name]["depth_curve"] = dataclasses.asdict(curve) | {"knee": knee}
        print(json.dumps(data, ensure_ascii=False))  # noqa: T201
        return
    console = Console()
    for part in (comparison, *curves.values()):
        console.print(f"{part}\n", markup=False, highlight=False, soft_wrap=True)


def _model(name: str) -> Any:
    return Path(name) if name.endswith(".json") else name


def _name(name: str) -> str:
    return Path(name).stem if name.endswith(".json") else name
