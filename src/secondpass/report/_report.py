"""Everything that the page shows, measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from secondpass.calibrate.report import calibration_report
from secondpass.core.errors import InvalidInputError, MissingExtraError, SecondPassError
from secondpass.core.stage import Stage
from secondpass.evaluate import (
    Collection,
    Comparison,
    DepthCurve,
    Evaluation,
    FrameworkRetriever,
    compare,
    depth_curve,
)
from secondpass.evaluate._depth_curve import DEPTHS
from secondpass.evaluate.framework_retriever import Progress
from secondpass.evaluate.systems import Contenders, System, named
from secondpass.report.examples import cases
from secondpass.report.provenance import Provenance
from secondpass.report.recorded_stage import replayed
from secondpass.report.report import Report
from secondpass.report.sections import ContenderParts, Omitted
from secondpass.report.slider import labelled_scores

T = TypeVar("T")
TOP = 5
"""Passages shown on each side of a query."""


def report(
    collection: Collection,
    contenders: Contenders = "builtin",
    baseline: System | Evaluation | None = None,
    metrics: Sequence[str] | str = "nDCG@10",
    *,
    depths: Sequence[int] = DEPTHS,
    examples: int = 3,
    seed: int = 0,
    batch: int = 1,
    command: str | None = None,
    date: str | None = None,
    on_progress: Progress | None = None,
) -> Report:
    """Measure contenders against a baseline and make one HTML page of it.

    What cannot be shown, such as a threshold slider for a judge that gives only an order, is left
    out, and the page says why. The page holds passages of the collection: mind its licence.

    Args:
        collection: See `read_collection`.
        contenders: See `compare`.
        baseline: See `compare`.
        metrics: See `Metric.of`; the first decides.
        depths: Of the depth curve, which runs each model a second time; empty leaves it out.
        examples: Queries shown of each kind, helped and hurt.
        seed: The same seed gives the same numbers, times aside.
        batch: See `evaluate`.
        command: To be shown as how the page was made.
        date: To be shown; None leaves it out.
        on_progress: Called with the queries done and all of them while models are compared.

    Raises:
        InvalidInputError: What `compare` may raise, or a negative number of examples.
        SecondPassError: What loading and running the models may raise.
    """
    if examples < 0:
        raise InvalidInputError(f"examples={examples}: show 0 queries or more of each kind")
    given = named(contenders)
    compared = compare(
        collection, baseline, given, metrics, seed=seed, batch=batch, on_progress=on_progress
    )
    parts = {
        name: _parts(compared, name, None if isinstance(c, Evaluation) else c, depths, examples)
        for name, c in given.items()
    }
    return Report(compared, parts, Provenance.here(command, seed, date))


def _parts(
    compared: Comparison,
    name: str,
    ranker: Stage | FrameworkRetriever | None,
    depths: Sequence[int],
    examples: int,
) -> ContenderParts:
    evaluation, metric = compared.contenders[name], compared.headroom.metric
    helped, hurt = cases(compared.baseline, evaluation, metric, examples, TOP)
    depth = _depth(ranker, evaluation, metric, depths)
    if isinstance(ranker, FrameworkRetriever):
        why = Omitted(
            f"{name} brings candidates of its own, and this needs labels of the candidates given."
        )
        return ContenderParts(helped, hurt, depth, why, why, name)
    again, judged = replayed(evaluation, ranker), evaluation.collection.judged()
    return ContenderParts(
        helped,
        hurt,
        depth,
        _or_why(lambda: calibration_report(again, judged)),
        _or_why(lambda: labelled_scores(again, judged)),
        again.name,
    )


def _depth(
    ranker: Stage | FrameworkRetriever | None,
    evaluation: Evaluation,
    metric: str,
    depths: Sequence[int],
) -> DepthCurve | Omitted:
    if ranker is None:
        return Omitted(f"{evaluation.name} was given as results, so there is nothing to time.")
    if isinstance(ranker, FrameworkRetriever):
        return Omitted(f"{ranker.name} brings candidates of its own, so it has no depth.")
    if not depths:
        return Omitted("No depth was asked for.")
    return depth_curve(ranker, evaluation.collection, depths, metric)


def _or_why(measure: Callable[[], T]) -> T | Omitted:
    """What cannot be measured on this data is a sentence on the page, not an error."""
    try:
        return measure()
    except MissingExtraError:
        raise
    except SecondPassError as error:
        return Omitted(_sentence(str(error)))


def _sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:].rstrip('.')}."
