"""Does reranking help? Contenders and a baseline over the same queries and candidates."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from secondpass.core.errors import InvalidInputError
from secondpass.evaluate._evaluate import FIRST_STAGE, evaluate, evaluate_rankings
from secondpass.evaluate.collection import Collection
from secondpass.evaluate.comparison import Comparison
from secondpass.evaluate.evaluation import Evaluation
from secondpass.evaluate.framework_retriever import Progress
from secondpass.evaluate.headroom import headroom
from secondpass.evaluate.metrics import metrics_of
from secondpass.evaluate.paired_difference import PairedDifference
from secondpass.evaluate.regressions import worst_regressions
from secondpass.evaluate.significance import (
    bootstrap_interval,
    detectable_difference,
    holm,
    least_p,
    randomisation_test,
)
from secondpass.evaluate.systems import Contenders, System, named


def compare(
    collection: Collection,
    baseline: System | Evaluation | None,
    contenders: Contenders,
    metrics: Sequence[str] | str = "nDCG@10",
    *,
    confidence: float = 0.95,
    resamples: int = 20_000,
    seed: int = 0,
    batch: int = 1,
    worst: int = 5,
    on_progress: Progress | None = None,
) -> Comparison:
    """Measure whether contenders are better than a baseline, and how sure that is.

    For each contender and metric: mean difference over queries, its bootstrap confidence interval
    (BCa), a paired randomisation test, and Holm's correction over all of them. The verdict is by
    the first metric; each further metric costs power, so name those that you decide by.

    Args:
        collection: See `read_collection`.
        baseline: What to beat: a model, see `evaluate`, an `Evaluation` on this collection, or
            None for the order in which the candidates came.
        contenders: One model or several, with names of your own as a dict. A retriever brings its
            own candidates, which a note says.
        metrics: See `Metric.of`; the first decides.
        confidence: Of the intervals; tests are at the level 1 - confidence.
        resamples: Of bootstrap and test.
        seed: The same seed gives the same numbers.
        batch: See `evaluate`.
        worst: How many hurt queries to keep for each contender.
        on_progress: Called with the queries done and all of them, over baseline and contenders.

    Raises:
        InvalidInputError: No contender, equal names, or an evaluation of another collection.
        SecondPassError: What `evaluate` may raise.
    """
    wanted = metrics_of(metrics, collection.relevant_from)
    if not 0 < confidence < 1:
        raise InvalidInputError(f"confidence={confidence} lies between 0 and 1")
    runners = named(contenders)
    runs = [baseline is not None and not isinstance(baseline, Evaluation)]
    runs += [not isinstance(c, Evaluation) for c in runners.values()]
    every, done = sum(runs) * len(collection), 0

    def result(model: System | Evaluation | None, name: str | None) -> Evaluation:
        nonlocal done
        if isinstance(model, Evaluation):
            return _again(model, name, collection, metrics)
        before = done

        def progress(now: int, _: int) -> None:
            if on_progress is not None:
                on_progress(before + now, every)

        made = evaluate(model, collection, metrics, name=name, batch=batch, on_progress=progress)
        done += len(collection) if model is not None else 0
        return made

    base = result(baseline, None if baseline is not None else FIRST_STAGE)
    results = {name: result(c, name) for name, c in runners.items()}
    differences = _differences(
        base,
        results,
        [m.name for m in wanted],
        confidence=confidence,
        resamples=resamples,
        seed=seed,
    )
    first = wanted[0].name
    return Comparison(
        base,
        results,
        tuple(differences),
        headroom(collection, metric=metrics if isinstance(metrics, str) else metrics[0]),
        {name: worst_regressions(base, e, first, worst) for name, e in results.items()},
        confidence,
        _notes(base, results),
    )


def _again(
    given: Evaluation, name: str | None, collection: Collection, metrics: Sequence[str] | str
) -> Evaluation:
    if [t.id for t in given.collection] != [t.id for t in collection]:
        raise InvalidInputError(
            f"{given.name!r} was evaluated on other queries than {collection.name!r}; evaluate it "
            "on this collection"
        )
    return evaluate_rankings(name or given.name, collection, given.rankings, metrics, given.seconds)


def _differences(
    base: Evaluation,
    results: Mapping[str, Evaluation],
    metrics: Sequence[str],
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> list[PairedDifference]:
    pairs = [(name, metric) for name in results for metric in metrics]
    gaps = [
        [after - before for after, before in zip(results[n].of(m), base.of(m), strict=True)]
        for n, m in pairs
    ]
    ps = [randomisation_test(gap, resamples=resamples, seed=seed) for gap in gaps]
    alpha = round(1 - confidence, 12)  # 0.05, not 0.050000000000000044
    made = []
    for (name, metric), gap, p, corrected in zip(pairs, gaps, ps, holm(ps), strict=True):
        low, high = bootstrap_interval(gap, confidence, resamples=resamples, seed=seed)
        made.append(
            PairedDifference(
                name, metric, len(gap), statistics.fmean(base.of(metric)),
                statistics.fmean(results[name].of(metric)), statistics.fmean(gap), low, high, p,
                corrected, sum(g > 0 for g in gap), sum(g == 0 for g in gap),
                sum(g < 0 for g in gap), detectable_difference(gap, alpha / len(pairs)),
                least_p(gap), alpha,
            )
        )  # fmt: skip
    return made


def _notes(base: Evaluation, results: Mapping[str, Evaluation]) -> tuple[str, ...]:
    told = list(base.notes)
    for name, e in results.items():
        told += [note for note in e.notes if note not in told]
        given = [set(t.ranking.ids) for t in base.collection]
        others = sum(not g.issuperset(r.ids) for g, r in zip(given, e.rankings, strict=True))
        if others:
            told.append(
                f"{name} brings candidates of its own for {others} of {len(given)} queries, so it "
                "is judged as retriever and reranker together"
            )
    return tuple(told)
