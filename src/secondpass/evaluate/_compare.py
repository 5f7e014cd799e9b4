"""Does reranking help? Contenders and a baseline over the same queries and candidates."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from secondpass.core.errors import InvalidInputError
from secondpass.core.stage import Stage
from secondpass.evaluate._evaluate import FIRST_STAGE, Evaluation, evaluate, evaluate_rankings
from secondpass.evaluate._headroom import headroom
from secondpass.evaluate.collection import Collection
from secondpass.evaluate.comparison import Comparison, PairedDifference
from secondpass.evaluate.framework_retriever import FrameworkRetriever, Progress
from secondpass.evaluate.metrics import metrics_of
from secondpass.evaluate.regressions import worst_regressions
from secondpass.evaluate.significance import (
    bootstrap_interval,
    detectable_difference,
    holm,
    least_p,
    randomisation_test,
)
from secondpass.evaluate.systems import System, as_system

Contenders = Mapping[str, System | Evaluation] | Sequence[System | Evaluation] | System | Evaluation
"""One or several, with names of your own as a dict."""


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
        worst: Number of regressions to keep for each contender.
        on_progress: Called with the number of queries done and the number of all, over baseline
            and contenders.

    Raises:
        InvalidInputError: No contender, equal names, or an evaluation of another collection.
        SecondPassError: What `evaluate` may raise.
    """
    names = [m.name for m in metrics_of(metrics, collection.relevant_from)]
    if not 0 < confidence < 1:
        raise InvalidInputError(f"confidence={confidence} lies between 0 and 1")
    systems = by_name(contenders)
    entries: list[tuple[str | None, System | Evaluation | None]] = [
        (FIRST_STAGE if baseline is None else None, baseline),
        *systems.items(),
    ]
    total = len(collection) * sum(_is_run(system) for _, system in entries)
    done, evaluations = 0, []
    for name, system in entries:
        if isinstance(system, Evaluation):
            evaluations.append(_measure_again(system, name, collection, metrics))
            continue
        progress = None if on_progress is None else partial(_report, on_progress, done, total)
        evaluations.append(
            evaluate(system, collection, metrics, name=name, batch=batch, on_progress=progress)
        )
        done += len(collection) * _is_run(system)
    base, results = evaluations[0], dict(zip(systems, evaluations[1:], strict=True))
    return Comparison(
        baseline=base,
        contenders=results,
        differences=_differences(
            base, results, names, confidence=confidence, resamples=resamples, seed=seed
        ),
        headroom=headroom(collection, metric=names[0]),
        regressions={
            name: worst_regressions(base, e, names[0], worst) for name, e in results.items()
        },
        confidence=confidence,
        notes=_notes(base, results),
    )


def by_name(contenders: Contenders) -> dict[str, Stage | FrameworkRetriever | Evaluation]:
    """Contenders by name; those that come without a name get their own.

    Raises:
        InvalidInputError: None, or two of the same name.
    """
    if isinstance(contenders, Mapping) and "secondpass_recipe" not in contenders:
        systems = {str(name): _system(c) for name, c in contenders.items()}
    else:
        # a pipeline is a sequence too, of stages
        several = isinstance(contenders, Sequence) and not isinstance(contenders, str | Stage)
        each: Sequence[Any] = contenders if several else [contenders]  # type: ignore[assignment]
        systems = {}
        for system in map(_system, each):
            if system.name in systems:
                raise InvalidInputError(
                    f"two contenders are called {system.name!r}; give a dict with names of your own"
                )
            systems[system.name] = system
    if not systems:
        raise InvalidInputError("there is no contender to compare")
    return systems


def _system(contender: Any) -> Stage | FrameworkRetriever | Evaluation:
    return contender if isinstance(contender, Evaluation) else as_system(contender)


def _is_run(system: System | Evaluation | None) -> bool:
    return system is not None and not isinstance(system, Evaluation)


def _report(on_progress: Progress, done_before: int, total: int, done: int, _: int) -> None:
    on_progress(done_before + done, total)


def _measure_again(
    evaluation: Evaluation,
    name: str | None,
    collection: Collection,
    metrics: Sequence[str] | str,
) -> Evaluation:
    if [t.id for t in evaluation.collection] != [t.id for t in collection]:
        raise InvalidInputError(
            f"{evaluation.name!r} was evaluated on other queries than {collection.name!r}; "
            "evaluate it on this collection"
        )
    return evaluate_rankings(
        name or evaluation.name, collection, evaluation.rankings, metrics, evaluation.seconds
    )


def _differences(
    base: Evaluation,
    results: Mapping[str, Evaluation],
    metrics: Sequence[str],
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> tuple[PairedDifference, ...]:
    pairs = [(name, metric) for name in results for metric in metrics]
    gaps = [
        [after - before for after, before in zip(results[n].of(m), base.of(m), strict=True)]
        for n, m in pairs
    ]
    ps = [randomisation_test(gap, resamples=resamples, seed=seed) for gap in gaps]
    alpha = round(1 - confidence, 12)  # 0.05, not 0.050000000000000044
    differences = []
    for (name, metric), gap, p, corrected in zip(pairs, gaps, ps, holm(ps), strict=True):
        low, high = bootstrap_interval(gap, confidence, resamples=resamples, seed=seed)
        differences.append(
            PairedDifference(
                contender=name,
                metric=metric,
                queries=len(gap),
                baseline=statistics.fmean(base.of(metric)),
                mean=statistics.fmean(results[name].of(metric)),
                difference=statistics.fmean(gap),
                low=low,
                high=high,
                p=p,
                p_corrected=corrected,
                wins=sum(g > 0 for g in gap),
                ties=sum(g == 0 for g in gap),
                losses=sum(g < 0 for g in gap),
                detectable=detectable_difference(gap, alpha / len(pairs)),
                least_p=least_p(gap),
                alpha=alpha,
            )
        )
    return tuple(differences)


def _notes(base: Evaluation, results: Mapping[str, Evaluation]) -> tuple[str, ...]:
    notes = list(base.notes)
    candidates = [set(t.ranking.ids) for t in base.collection]
    for name, e in results.items():
        notes += [note for note in e.notes if note not in notes]
        own = sum(not ids.issuperset(r.ids) for ids, r in zip(candidates, e.rankings, strict=True))
        if own:
            notes.append(
                f"{name} brings candidates of its own for {own} of {len(candidates)} queries, so "
                "it is judged as retriever and reranker together"
            )
    return tuple(notes)
