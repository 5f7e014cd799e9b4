"""Measure everything that the page shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from secondpass.calibrate.report import CalibrationReport, calibration_report
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
from secondpass.evaluate._compare import Contenders, by_name
from secondpass.evaluate._depth_curve import DEPTHS
from secondpass.evaluate.framework_retriever import Progress
from secondpass.evaluate.recorded_stage import record_evaluation
from secondpass.evaluate.systems import System
from secondpass.report.examples import select_cases
from secondpass.report.page import Report
from secondpass.report.sections import ContenderParts, Omitted, Provenance
from secondpass.report.slider import LabelledScores, labelled_scores

T = TypeVar("T")
TOP = 5
"""Number of passages shown on each side of a query."""


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
    """Measure contenders against a baseline, for one HTML page.

    What cannot be shown, such as a threshold slider for a judge that gives only an order, is left
    out, and the page says why. The page holds passages of the collection: mind its licence.

    Args:
        collection: See `read_collection`.
        contenders: See `compare`.
        baseline: See `compare`.
        metrics: See `Metric.of`; the first decides.
        depths: Of the depth curve, which runs each model a second time; empty leaves it out.
        examples: Number of queries shown of each kind, improved and worsened.
        seed: The same seed gives the same numbers, except for times.
        batch: See `evaluate`.
        command: Shown as how the page was made.
        date: Shown on the page; None leaves it out.
        on_progress: Called with the number of queries done and the number of all while models are
            compared.

    Raises:
        InvalidInputError: What `compare` may raise, or a negative number of examples.
        SecondPassError: What loading and running the models may raise.
    """
    if examples < 0:
        raise InvalidInputError(f"examples={examples}: show 0 queries or more of each kind")
    systems = by_name(contenders)
    comparison = compare(
        collection, baseline, systems, metrics, seed=seed, batch=batch, on_progress=on_progress
    )
    parts = {
        name: _parts(comparison, name, None if isinstance(s, Evaluation) else s, depths, examples)
        for name, s in systems.items()
    }
    return Report(
        comparison=comparison, parts=parts, provenance=Provenance.here(command, seed, date)
    )


def _parts(
    comparison: Comparison,
    name: str,
    system: Stage | FrameworkRetriever | None,
    depths: Sequence[int],
    examples: int,
) -> ContenderParts:
    evaluation, metric = comparison.contenders[name], comparison.headroom.metric
    improved, worsened = select_cases(
        comparison.baseline, evaluation, metric, at_most=examples, top=TOP
    )
    calibration: CalibrationReport | Omitted
    threshold: LabelledScores | Omitted
    if isinstance(system, FrameworkRetriever):
        scored = name
        calibration = threshold = Omitted(
            f"{name} brings candidates of its own, and this needs labels of the candidates given."
        )
    else:
        recorded, judged = record_evaluation(evaluation, system), evaluation.collection.judged()
        scored = recorded.name
        calibration = _unless_impossible(lambda: calibration_report(recorded, judged))
        threshold = _unless_impossible(lambda: labelled_scores(recorded, judged))
    return ContenderParts(
        improved=improved,
        worsened=worsened,
        depth=_depth(system, evaluation, metric, depths),
        calibration=calibration,
        threshold=threshold,
        scored=scored,
    )


def _depth(
    system: Stage | FrameworkRetriever | None,
    evaluation: Evaluation,
    metric: str,
    depths: Sequence[int],
) -> DepthCurve | Omitted:
    if system is None:
        return Omitted(f"{evaluation.name} was given as results, so there is nothing to time.")
    if isinstance(system, FrameworkRetriever):
        return Omitted(f"{system.name} brings candidates of its own, so it has no depth.")
    if not depths:
        return Omitted("No depth was wanted.")
    return depth_curve(system, evaluation.collection, depths, metric)


def _unless_impossible(measure: Callable[[], T]) -> T | Omitted:
    """Measure, or say on the page why that cannot be done with this data."""
    try:
        return measure()
    except MissingExtraError:
        raise
    except SecondPassError as error:
        return Omitted(_sentence(str(error)))


def _sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:].rstrip('.')}."
