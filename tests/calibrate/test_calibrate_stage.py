from __future__ import annotations

import random

import pytest

from secondpass import (
    Calibrate,
    CalibrationError,
    Candidate,
    Fuse,
    Isotonic,
    JudgedQuery,
    NotCalibratedError,
    Pipeline,
    Platt,
    Ranking,
    Score,
    Threshold,
    Top,
    calibrated,
)
from secondpass.testing import FakeScorer, check_stage, samples

NUMBER = Score(FakeScorer(lambda q, t: float(t), name="number@1"))
OTHER = Score(FakeScorer(lambda q, t: float(t), name="number@2"))


def _judged(n: int, seed: int = 0) -> list[JudgedQuery]:
    g = random.Random(seed)
    found = []
    for q in range(n):
        labels = [g.random() < 0.3 for _ in range(20)]
        texts = [repr(g.gauss(1.5 if y else -1.5, 1.5)) for y in labels]
        found.append(JudgedQuery.of(f"q{q}", texts, [str(i) for i, y in enumerate(labels) if y]))
    return found


def test_it_returns_a_longer_pipeline_that_gives_probabilities() -> None:
    honest = calibrated(NUMBER, _judged(50)).pipeline
    assert repr(honest) == "number@1 >> Platt"
    ranking = honest(_judged(1, seed=9)[0].ranking)
    assert ranking.scale == "probability"
    assert ranking.scores == sorted(ranking.scores, reverse=True)
    stages = [m.stage for m in ranking[0].trail]
    assert stages == ["number@1", "Platt"]


def test_probabilities_add_up_to_the_number_of_relevant_ones() -> None:
    honest, fresh = calibrated(NUMBER, _judged(200)).pipeline, _judged(500, seed=1)
    expected = sum(sum(r.scores) for r in honest.run([j.ranking for j in fresh]))
    assert expected == pytest.approx(sum(len(j.relevant) for j in fresh), rel=0.05)


def test_fitting_again_replaces_the_calibrator() -> None:
    once = calibrated(NUMBER, _judged(20)).pipeline
    twice = calibrated(once, _judged(20, seed=3), method=Isotonic).pipeline
    assert repr(twice) == "number@1 >> Isotonic"


def test_fitting_again_says_what_is_replaced(caplog: pytest.LogCaptureFixture) -> None:
    once = calibrated(NUMBER, _judged(20)).pipeline
    assert not caplog.records
    calibrated(once, _judged(12, seed=3))
    (line,) = caplog.records
    assert (line.name, line.levelname) == ("secondpass", "WARNING")
    for words in ("calibrated already", "Platt", "on 20 queries", "these 12 queries"):
        assert words in line.getMessage()


def test_one_query_is_no_sample() -> None:
    one = JudgedQuery.of("q", ["1", "2", "3"], ["0"])
    again = JudgedQuery.of(" Q ", ["4", "5"], ["1"])
    for judged in ([one], [one, again], [one] * 30):
        with pytest.raises(CalibrationError, match=r"two different queries.* one, 'q'; label more"):
            calibrated(NUMBER, judged)


def test_probabilities_in_front_of_a_cut_say_where_to_calibrate() -> None:
    pipeline = calibrated(NUMBER, _judged(20)).pipeline >> Top(3)
    with pytest.raises(NotCalibratedError, match="before those that only cut"):
        calibrated(pipeline, _judged(5))


def test_it_refuses_another_models_scores_when_built_and_when_run() -> None:
    calibrate = calibrated(NUMBER, _judged(20)).pipeline[1]
    assert isinstance(calibrate, Calibrate)
    for other in (OTHER, OTHER >> Top(3), Fuse(NUMBER, OTHER)):
        with pytest.raises(CalibrationError, match="fitted on 'number@1'"):
            Pipeline(other, calibrate)
        with pytest.raises(CalibrationError, match="fitted on 'number@1'"):
            calibrate(other(Ranking.of("q", ["1", "2"])))
        with pytest.raises(CalibrationError, match="fitted on 'number@1'"):
            other >> (Top(2) >> calibrate)
    assert len((NUMBER >> Top(3) >> calibrate)(Ranking.of("q", ["1", "2"]))) == 2


def test_a_fusion_can_be_calibrated() -> None:
    fused = Fuse(NUMBER, NUMBER, weights=[2, 1], normalise="z-score")
    honest = calibrated(fused, _judged(30)).pipeline >> Threshold(0.5)
    assert honest(_judged(1, seed=5)[0].ranking).scale == "probability"


def test_what_gives_no_raw_scores_cannot_be_calibrated() -> None:
    class Probable(Score):
        def run(self, rankings):  # type: ignore[no-untyped-def]
            return [r.rescored([0.5] * len(r), "probability", self.name) for r in rankings]

    with pytest.raises(NotCalibratedError, match="gives probability"):
        calibrated(Probable(FakeScorer()), _judged(3))
    honest = calibrated(NUMBER, _judged(20)).pipeline
    with pytest.raises(NotCalibratedError, match="'probability'"):
        honest[1](honest(Ranking.of("q", ["1"])))
    with pytest.raises(CalibrationError, match="no judged queries"):
        calibrated(NUMBER, [])


def test_one_class_only_says_so() -> None:
    nothing = [JudgedQuery.of(query, ["1", "2"], []) for query in ("q", "r")]
    with pytest.raises(CalibrationError, match="not relevant"):
        calibrated(NUMBER, nothing)


def test_empty_rankings_pass() -> None:
    honest = calibrated(NUMBER, [*_judged(10), JudgedQuery.of("none", [], [])]).pipeline
    assert len(honest(Ranking.of("q", []))) == 0


def test_it_keeps_the_laws() -> None:
    length = Score(FakeScorer(lambda q, t: float(len(t)), name="length"))
    check_stage(length >> Calibrate(Platt(0.1, -1.0), "length"))
    check_stage(Calibrate(Platt(0.1, -1.0), "length"), length.run(samples()))


def test_raw_scores_of_unknown_origin_are_the_callers_word() -> None:
    ranking = Ranking("q", (Candidate("a", "t", score=2.0),), "raw")
    assert Calibrate(Platt(1.0, 0.0), "mine")(ranking).scale == "probability"
