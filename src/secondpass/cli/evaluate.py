"""`secondpass evaluate`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from secondpass.cli.collection_options import (
    FIRST_STAGE,
    Baseline,
    Batch,
    CollectionPath,
    Depth,
    Metrics,
    Models,
    OnlyAnswerable,
    Qrels,
    Queries,
    RelevantFrom,
    Run,
    Seed,
    compared_with,
    contenders,
    metric_names,
    opened,
)
from secondpass.cli.progress import bar

if TYPE_CHECKING:
    from secondpass.evaluate import Comparison, DepthCurve


def evaluate(  # noqa: PLR0917 - typer turns them into options
    collection: CollectionPath,
    model: Models = None,
    baseline: Baseline = FIRST_STAGE,
    run: Run = None,
    qrels: Qrels = None,
    metrics: Metrics = "nDCG@10",
    depth: Depth = 100,
    relevant_from: RelevantFrom = 1,
    queries: Queries = None,
    only_answerable: OnlyAnswerable = False,
    curve: Annotated[
        bool, typer.Option("--depth-curve", help="Also quality and time against depth.")
    ] = False,
    batch: Batch = 1,
    seed: Seed = 0,
    per_query: Annotated[
        str | None, typer.Option(help="Write per-query results: .jsonl or .csv.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say whether reranking helps, with confidence interval and test."""
    from secondpass.evaluate import compare, depth_curve
    from secondpass.evaluate._evaluate import check_ending

    if per_query is not None:
        check_ending(per_query)  # before minutes of work
    names = metric_names(metrics)
    read = opened(
        collection, run, depth=depth, qrels=qrels, relevant_from=relevant_from, queries=queries,
        only_answerable=only_answerable,
    )  # fmt: skip
    named = contenders(model)
    shown = bar("queries")
    task = shown.add_task("queries", total=None)
    with shown:
        comparison = compare(
            read,
            compared_with(baseline),
            named,
            names,
            seed=seed,
            batch=batch,
            on_progress=lambda done, total: shown.update(task, completed=done, total=total),
        )
    curves = {}
    if curve:
        curves = {name: depth_curve(one, read, metric=names[0]) for name, one in named.items()}
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
