"""Run a contender over a collection and measure what it returns."""

from __future__ import annotations

import time
from collections.abc import Sequence

from secondpass.core.errors import InvalidInputError
from secondpass.core.ranking import Ranking
from secondpass.core.timing import Clock
from secondpass.evaluate.collection import Collection
from secondpass.evaluate.evaluation import Evaluation
from secondpass.evaluate.framework_retriever import FrameworkRetriever, Progress, check_ids
from secondpass.evaluate.metrics import metrics_of, per_query
from secondpass.evaluate.systems import Ranker, System, as_ranker

METRICS = ("nDCG@10", "RR@10")
"""What is measured where nothing else is asked for."""
FIRST_STAGE = "first stage"
"""Name of the order in which the candidates came."""


def evaluate(
    model: System | None,
    collection: Collection,
    metrics: Sequence[str] | str = METRICS,
    *,
    name: str | None = None,
    batch: int = 1,
    on_progress: Progress | None = None,
    clock: Clock = time.perf_counter,
) -> Evaluation:
    """Rank every query of a collection and measure the result.

    Args:
        model: A model string, a stage, a recipe or its path; a LlamaIndex or LangChain retriever,
            which brings its own candidates; or None for the order in which the candidates came.
        collection: See `read_collection`.
        metrics: See `Metric.of`.
        name: For tables; the model's own if None.
        batch: Queries that run at once. 1 gives the true latency of each; more is faster for
            judges over the network, and then each query's seconds are its share.
        on_progress: Called with the queries done and all of them.
        clock: For tests.

    Raises:
        InvalidInputError: An unknown metric, a model that is none, or a retriever whose ids are
            not those of the judgements.
        SecondPassError: What loading and running the model may raise.
    """
    if batch < 1:
        raise InvalidInputError(f"batch={batch}: at least one query runs at a time")
    metrics_of(metrics, collection.relevant_from)  # complains before any model is loaded
    if model is None:
        return evaluate_rankings(name or FIRST_STAGE, collection, collection.rankings, metrics)
    ranker = as_ranker(model)
    rankings: list[Ranking] = []
    seconds: list[float] = []
    topics = collection.topics
    for start in range(0, len(topics), batch):
        given = [t.ranking for t in topics[start : start + batch]]
        before = clock()
        rankings += _run(ranker, given)
        seconds += [(clock() - before) / len(given)] * len(given)
        if on_progress is not None:
            on_progress(len(rankings), len(topics))
    if isinstance(ranker, FrameworkRetriever):
        found = {t.id: r for t, r in zip(topics, rankings, strict=True)}
        check_ids(ranker.name, found, collection.qrels)
    return evaluate_rankings(name or ranker.name, collection, rankings, metrics, tuple(seconds))


def evaluate_rankings(
    name: str,
    collection: Collection,
    rankings: Sequence[Ranking],
    metrics: Sequence[str] | str = METRICS,
    seconds: tuple[float, ...] = (),
) -> Evaluation:
    """Measure rankings that are already made, one per query in the collection's order."""
    if len(rankings) != len(collection):
        raise InvalidInputError(f"{len(rankings)} rankings for {len(collection)} queries")
    orders = {t.id: r.ids for t, r in zip(collection, rankings, strict=True)}
    wanted = metrics_of(metrics, collection.relevant_from)
    values = per_query(wanted, collection.qrels, orders)
    fixed = {metric: tuple(of) for metric, of in values.items()}
    return Evaluation(name, collection, fixed, tuple(rankings), seconds)


def _run(ranker: Ranker, rankings: Sequence[Ranking]) -> list[Ranking]:
    if isinstance(ranker, FrameworkRetriever):
        return [ranker(r.query) for r in rankings]
    return ranker.run(rankings)
