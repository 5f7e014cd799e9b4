"""`secondpass evaluate`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from secondpass.cli.options import (
    FIRST_STAGE,
    AsJson,
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
    baseline_model,
    name_models,
    open_collection,
    split_metrics,
)
from secondpass.cli.streams import progress_bar

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
    as_json: AsJson = False,
) -> None:
    """Measure whether reranking helps, with confidence interval and test."""
    from secondpass.evaluate import compare, depth_curve
    from secondpass.evaluate._evaluate import check_ending

    if per_query is not None:
        check_ending(per_query)  # before minutes of work
    names = split_metrics(metrics)
    topics = open_collection(
        collection, run, depth=depth, qrels=qrels, relevant_from=relevant_from, queries=queries,
        only_answerable=only_answerable,
    )  # fmt: skip
    models = name_models(model)
    bar = progress_bar("queries")
    task = bar.add_task("queries", total=None)
    with bar:
        comparison = compare(
            topics,
            baseline_model(baseline),
            models,
            names,
            seed=seed,
            batch=batch,
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    curves = {}
    if curve:
        curves = {name: depth_curve(one, topics, metric=names[0]) for name, one in models.items()}
    if per_query is not None:
        comparison.write(per_query)
    _print(comparison, curves, as_json)


def _print(comparison: Comparison, curves: dict[str, DepthCurve], as_json: bool) -> None:
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
