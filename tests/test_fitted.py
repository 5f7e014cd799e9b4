from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from secondpass import (
    BestF,
    InvalidInputError,
    JudgedQuery,
    Pipeline,
    Score,
    Top,
    WrongCallError,
    calibrated,
    choose_threshold,
    guaranteed,
)
from secondpass.calibrate import CalibrationEvidence, Fitted, Platt, calibration_report
from secondpass.testing import FakeScorer
from secondpass.thresholds import Guarantee, ThresholdEvidence

NUMBER = Score(FakeScorer(lambda query, text: float(text), name="number@1"))


def judged(seed: int, n: int = 40) -> list[JudgedQuery]:
    g, made = random.Random(seed), []
    for q in range(n):
        labels = [True, False, *(g.random() < 0.3 for _ in range(8))]
        texts = [repr(g.gauss(1.5 if y else -1.5, 1.0)) for y in labels]
        made.append(
            JudgedQuery.of(f"{seed}: {q}", texts, [str(i) for i, y in enumerate(labels) if y])
        )
    return made


FITTED = calibrated(NUMBER, judged(0))


def test_what_learns_from_labels_returns_a_pipeline_and_its_evidence() -> None:
    chosen = choose_threshold(FITTED.pipeline, judged(1), BestF())
    safe = guaranteed(FITTED.pipeline, judged(1), "missed", at_most=0.2)
    for fit, kind in (
        (FITTED, CalibrationEvidence), (chosen, ThresholdEvidence), (safe, Guarantee),
    ):  # fmt: skip
        assert isinstance(fit, Fitted)
        assert isinstance(fit.pipeline, Pipeline)
        assert isinstance(fit.evidence, kind)
        assert str(fit) == f"{fit.pipeline!r}\n{fit.evidence}"
        assert repr(fit).startswith("Fitted(pipeline=number@1 >> Platt")
        assert "\n" not in repr(fit)


def test_the_evidence_of_a_calibrator_says_what_it_was_fitted_on() -> None:
    evidence = FITTED.evidence
    assert isinstance(evidence.calibrator, Platt)
    assert (evidence.queries, evidence.answerable, evidence.pairs) == (40, 40, 400)
    assert evidence.choice is None
    assert str(evidence).startswith(
        "Platt fitted on 40 queries (40 with a relevant candidate), 400 pairs, base rate 0."
    )


@pytest.mark.parametrize(
    "use",
    [
        lambda: FITTED >> Top(3),
        lambda: Top(3) >> FITTED,
        lambda: Pipeline(FITTED, Top(3)),
        lambda: calibrated(FITTED, judged(1)),
        lambda: calibration_report(FITTED, judged(1)),
        lambda: choose_threshold(FITTED, judged(1), BestF()),
        lambda: guaranteed(FITTED, judged(1)),
    ],
)
def test_a_fit_in_place_of_a_stage_is_answered_with_what_to_write(use: Callable[[], Any]) -> None:
    with pytest.raises((InvalidInputError, WrongCallError), match=r"give its \.pipeline"):
        use()
