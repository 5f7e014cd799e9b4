from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass import (
    CalibrationError,
    Candidate,
    JudgedQuery,
    NotCalibratedError,
    Order,
    Pipeline,
    Platt,
    Ranking,
    Recipe,
    Score,
    Threshold,
    calibrated,
)
from secondpass.calibrate import ByRank, Calibrate, CalibrateOrder, expected_calibration_error
from secondpass.calibrate.methods.by_rank import _pool_adjacent_violators
from secondpass.testing import FakeJudge, FakeScorer, check_stage

NOISY = FakeJudge(lambda q, t: float(t.split()[1]), name="noisy@1")
SCORE = Score(FakeScorer(lambda q, t: float(t.split()[0]), name="score@1"))
PROBABLE = SCORE >> Calibrate(Platt(1.0, 0.0), "score@1")


def _judged(n: int, seed: int) -> list[JudgedQuery]:
    """Good lists (half relevant) and bad ones (a tenth); a score that knows and a judge too."""
    g = random.Random(seed)
    found = []
    for q in range(n):
        rate = g.choice([0.5, 0.1])
        docs, relevant = [], []
        for i in range(20):
            y = g.random() < rate
            score, said = g.gauss(1.0 if y else -1.0, 1.0), g.gauss(1.5 if y else -1.5, 1.0)
            docs.append(Candidate(str(i), f"{score} {said}"))
            relevant += [str(i)] if y else []
        found.append(JudgedQuery.of(f"q{q}", docs, relevant))
    return found


def _error(pipeline: Pipeline, judged: list[JudgedQuery]) -> float:
    ranked = pipeline.run([j.ranking for j in judged])
    p = [s for r in ranked for s in r.scores]
    y = [c.id in j.relevant for j, r in zip(judged, ranked, strict=True) for c in r]
    return expected_calibration_error(p, y)


def test_a_judges_order_becomes_probabilities_that_hold_on_fresh_queries() -> None:
    judge = Order(NOISY)
    honest = calibrated(judge, _judged(100, 0)).pipeline
    assert isinstance(honest[1], CalibrateOrder)
    fresh = _judged(200, 1)
    assert _error(honest, fresh) < 0.06
    for j in fresh[:20]:
        assert honest(j.ranking).ids == judge(j.ranking).ids


def test_the_incoming_probability_is_the_second_feature() -> None:
    fitted = calibrated(PROBABLE >> Order(NOISY), _judged(100, 0)).pipeline
    stage = fitted[-1]
    assert isinstance(stage, CalibrateOrder)
    assert stage.calibrator.incoming == "Platt"
    assert stage.calibrator.incoming_slope > 0.2
    fresh = _judged(200, 1)
    assert _error(fitted, fresh) < 0.06
    blind = calibrated(Order(NOISY), _judged(100, 0)).pipeline

    def sharpness(pipeline: Pipeline) -> float:
        ranked = pipeline.run([j.ranking for j in fresh])
        wrong = [
            (s - (c.id in j.relevant)) ** 2
            for j, r in zip(fresh, ranked, strict=True)
            for c, s in zip(r, r.scores, strict=True)
        ]
        return sum(wrong) / len(wrong)

    assert sharpness(fitted) < 0.9 * sharpness(blind)
    assert len((fitted >> Threshold(0.5))(fresh[0].ranking)) < 20


@given(st.lists(st.floats(0, 1), max_size=12))
def test_neighbours_that_would_rise_share_their_mean(values: list[float]) -> None:
    flat = _pool_adjacent_violators(values)
    assert all(a >= b - 1e-12 for a, b in itertools.pairwise(flat))
    assert sum(flat) == pytest.approx(sum(values))
    falling = sorted(values, reverse=True)
    assert _pool_adjacent_violators(falling) == pytest.approx(falling)


def test_it_refuses_other_judges_scores_and_missing_probabilities() -> None:
    stage = calibrated(PROBABLE >> Order(NOISY), _judged(20, 0)).pipeline[-1]
    other = Order(FakeJudge(name="other@1"))
    with pytest.raises(CalibrationError, match="fitted on 'noisy@1'"):
        other >> stage
    with pytest.raises(CalibrationError, match="no probability from 'Platt'"):
        (Order(NOISY) >> stage)(_judged(1, 3)[0].ranking)
    with pytest.raises(NotCalibratedError, match="is 'raw'"):
        stage(SCORE(Ranking.of("q", ["1 2", "2 1"])))


def test_one_class_and_reversed_orders_say_so() -> None:
    with pytest.raises(CalibrationError, match="not relevant"):
        calibrated(Order(NOISY), [JudgedQuery.of(q, ["1 2", "2 1"], []) for q in "qr"])
    backwards = Order(FakeJudge(lambda q, t: -float(t.split()[1])))
    with pytest.raises(CalibrationError, match="less often relevant"):
        calibrated(backwards, _judged(20, 0))


def test_it_goes_into_a_recipe_and_keeps_the_laws() -> None:
    stage = CalibrateOrder(ByRank(1.0, 0.1, 0.0, 0.5, None), "fake-judge")
    again = Recipe.of(stage).stage()
    judge = Order(FakeJudge(lambda q, t: float(len(t))))
    assert (judge >> again)(Ranking.of("q", ["a", "bb"])).scores == pytest.approx(
        (judge >> stage)(Ranking.of("q", ["a", "bb"])).scores
    )
    check_stage(judge >> stage)
