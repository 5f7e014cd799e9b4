from __future__ import annotations

import dataclasses

import pytest

from secondpass import InvalidInputError, Order, Score, Stage, Threshold, Top, UnknownModelError
from secondpass.calibrate import calibration_report
from secondpass.calibrate.report import CalibrationReport
from secondpass.evaluate import Collection, DepthCurve, evaluate
from secondpass.report import LabelledScores, Omitted, Report, report
from secondpass.testing import FakeJudge, FakeScorer


def test_recorded_results_are_what_running_again_gives(
    made: Report, plants: Collection, stage: Stage
) -> None:
    (parts,) = made.parts.values()
    again = calibration_report(stage, plants.judged())
    assert isinstance(parts.calibration, CalibrationReport)
    assert parts.calibration == again
    assert isinstance(parts.depth, DepthCurve)
    assert parts.scored == stage.name


def test_nothing_but_the_depth_curve_runs_the_model_again(plants: Collection) -> None:
    scorer = FakeScorer()
    found = report(plants, Score(scorer), depths=())
    assert sum(map(len, scorer.calls)) == 40 * 10
    (parts,) = found.parts.values()
    assert isinstance(parts.threshold, LabelledScores)
    assert parts.threshold.scale == "raw"
    assert "Threshold(" in found.html()
    assert "scale=&#34;raw&#34;" in found.html()
    assert parts.depth == Omitted("No depth was wanted.")


def test_cuts_at_the_end_are_undone_for_calibration_and_threshold(
    plants: Collection, stage: Stage
) -> None:
    cut = stage >> Threshold(0.9) >> Top(2)
    (parts,) = report(plants, {"cut": cut}, depths=()).parts.values()
    assert isinstance(parts.threshold, LabelledScores)
    assert parts.scored == stage.name
    assert {len(q.scores) for q in parts.threshold.queries} == {10}


def test_what_cannot_be_shown_says_why(plants: Collection) -> None:
    given = evaluate(Score(FakeScorer()), plants, name="given")
    judge_of_words = Order(FakeJudge(lambda query, text: float("about" in text)))
    found = report(plants, {"judge": judge_of_words, "given": given}, depths=(5,))
    judge, results = found.parts["judge"], found.parts["given"]
    assert isinstance(judge.threshold, Omitted)
    assert "gives an order, which has no scores" in judge.threshold.reason
    assert isinstance(judge.calibration, CalibrationReport)
    assert judge.calibration.before is None
    assert isinstance(results.depth, Omitted)
    assert isinstance(results.threshold, LabelledScores)
    page = found.html()
    assert "<strong>No threshold.</strong>" in page
    assert "<strong>No depth curve.</strong> given was given as results" in page


def test_no_relevant_candidate_at_all(plants: Collection) -> None:
    topics = tuple(dataclasses.replace(t, grades={"elsewhere": 1}) for t in plants)
    found = report(Collection("lost", topics), Score(FakeScorer()), depths=())
    (parts,) = found.parts.values()
    assert isinstance(parts.calibration, Omitted)
    assert isinstance(parts.threshold, Omitted)
    assert (
        "none of the 40 labelled queries has a relevant candidate" in parts.threshold.reason.lower()
    )
    assert parts.improved == parts.worsened == ()
    page = found.html()
    assert "shows no difference" in page
    assert "<strong>No query that changed.</strong> Every query is as it was." in page


def test_improved_and_worsened_are_the_extremes(made: Report) -> None:
    (name,) = made.comparison.contenders
    (parts,) = made.parts.values()
    values = made.comparison.contenders[name].of("nDCG@10")
    before = made.comparison.baseline.of("nDCG@10")
    gaps = sorted(a - b for a, b in zip(values, before, strict=True))
    assert [c.after - c.before for c in parts.improved] == gaps[::-1][:3]
    assert all(c.after < c.before for c in parts.worsened)
    case = parts.improved[0]
    assert [p.rank for p in case.right] == [1, 2, 3, 4, 5]
    assert {p.scale for p in case.left} == {"order"}
    first = case.right[0]
    assert first.other_rank is not None
    assert first.up == first.other_rank - 1


def test_bad_input(plants: Collection) -> None:
    with pytest.raises(InvalidInputError, match="examples=-1"):
        report(plants, Score(FakeScorer()), examples=-1)
    with pytest.raises(UnknownModelError):
        report(plants, "bultin")
    assert (
        "No examples were wanted"
        in report(plants, Score(FakeScorer()), depths=(), examples=0).html()
    )
