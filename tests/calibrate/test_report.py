from __future__ import annotations

from pathlib import Path

import pytest

from secondpass import (
    Beta,
    CalibrationError,
    Candidate,
    Fuse,
    InvalidInputError,
    JudgedQuery,
    NotCalibratedError,
    Order,
    Platt,
    Score,
    Stage,
    Threshold,
    calibrated,
)
from secondpass.calibrate import calibration_report
from secondpass.testing import FakeJudge, FakeScorer


def test_before_and_after(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    report = calibration_report(number, world(60, rate=0.1))
    assert report.before is not None
    assert report.before.name == "sigmoid of raw"
    assert [r.name for r in report.after] == ["Temperature", "Platt", "Beta", "Isotonic"]
    platt = report.after[1].quality
    assert platt.log_loss < report.before.quality.log_loss - 0.1
    assert platt.expected_calibration_error < 0.03
    assert platt.mean_probability == pytest.approx(report.base_rate, abs=0.01)
    assert platt.brier_score == pytest.approx(platt.brier.score)
    assert (report.queries, report.pairs, report.folds) == (60, 1200, 5)
    assert report.best.quality.log_loss == min(r.quality.log_loss for r in report.after)
    text = str(report)
    assert "60 queries" in text
    assert all(r.name in text for r in report.rows)


def test_a_calibrator_that_is_there_is_judged_as_it_is(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    foreign = calibrated(number, world(100, rate=0.5, seed=1)).pipeline
    report = calibration_report(foreign, world(60, rate=0.1), methods=(Platt,))
    assert report.before is not None
    assert report.before.name == "Platt, as it is"
    assert report.before.quality.mean_probability > 0.2
    assert report.after[0].quality.mean_probability == pytest.approx(0.1, abs=0.03)
    assert report.stage == "number@1"


def test_scores_that_look_like_probabilities_are_taken_as_they_are() -> None:
    unit = Score(FakeScorer(lambda q, t: float(t)))
    judged = [JudgedQuery.of(f"q{i}", ["0.9", "0.5", "0.1"], ["0"]) for i in range(10)]
    report = calibration_report(unit, judged, methods=(Platt,))
    assert report.before is not None
    assert report.before.name == "raw"
    assert report.before.quality.mean_probability == pytest.approx(0.5)


def test_fused_scores_and_orders(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    judged = world(40)
    fused = calibration_report(Fuse(number, number, normalise="z-score"), judged, (Platt, Beta))
    assert [r.name for r in fused.after] == ["Platt", "Beta"]
    judge = Order(FakeJudge(lambda q, t: float(t), name="judge@1"))
    order = calibration_report(judge, judged)
    assert order.before is None
    assert [r.name for r in order.rows] == ["ByRank"]
    assert order.rows[0].quality.expected_calibration_error < 0.06
    incoming = calibration_report(calibrated(number, world(40, seed=9)).pipeline >> judge, judged)
    assert incoming.best.quality.log_loss < order.best.quality.log_loss


def test_empty_lists_and_unanswerable_queries_are_counted(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    judged = [*world(10), JudgedQuery.of("none", [], []), JudgedQuery.of("no", ["1.0", "-1.0"], [])]
    report = calibration_report(number, judged, methods=(Platt,))
    assert (report.queries, report.answerable, report.pairs) == (12, 10, 202)


def test_the_figure_is_drawn(number: Stage, world, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    figure = calibration_report(number, world(20), methods=(Platt,)).figure()
    figure.savefig(tmp_path / "r.png")
    assert (tmp_path / "r.png").stat().st_size > 5000
    labels = [t.get_text() for t in figure.axes[0].get_legend().get_texts()]
    assert labels == ["perfect", "sigmoid of raw", "Platt"]


def test_bad_input(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidInputError, match="methods is empty"):
        calibration_report(number, world(5), methods=())
    with pytest.raises(CalibrationError, match="no judged queries"):
        calibration_report(number, [])
    with pytest.raises(CalibrationError, match="no candidate"):
        calibration_report(number, [JudgedQuery.of("q", [], [])])
    with pytest.raises(NotCalibratedError, match="gives probability"):
        calibration_report(calibrated(number, world(5)).pipeline >> Threshold(0.1), world(5))
    with pytest.raises(CalibrationError, match="not relevant"):
        calibration_report(number, [JudgedQuery.of(q, ["1", "2"], []) for q in "abc"])
    same = [JudgedQuery.of("q", [Candidate("a", "1"), Candidate("b", "0")], ["a"])] * 3
    with pytest.raises(CalibrationError, match="two different queries"):
        calibration_report(number, same)
