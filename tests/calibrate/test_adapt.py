from __future__ import annotations

import pytest

from secondpass import (
    Calibrate,
    CalibrationError,
    Order,
    Platt,
    Ranking,
    Recipe,
    Score,
    Stage,
    Threshold,
    Top,
    calibrated,
)
from secondpass.calibrate import PriorShift, adapted, expected_calibration_error
from secondpass.testing import FakeJudge, FakeScorer, check_stage, samples


def _error(pipeline: Stage, judged) -> float:  # type: ignore[no-untyped-def]
    ranked = pipeline.run([j.ranking for j in judged])
    p = [s for r in ranked for s in r.scores]
    y = [c.id in j.relevant for j, r in zip(judged, ranked, strict=True) for c in r]
    return expected_calibration_error(p, y)


def test_unlabelled_rankings_repair_another_base_rate(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    honest = calibrated(number, world(150, rate=0.3))
    there, fresh = world(100, rate=0.05, seed=1), world(200, rate=0.05, seed=2)
    fixed = adapted(honest, [j.ranking for j in there])
    assert _error(honest, fresh) > 0.03
    assert _error(fixed, fresh) < 0.015
    shift = fixed[-1].shift  # type: ignore[attr-defined]
    assert shift.new_rate == pytest.approx(0.05, abs=0.01)
    assert fixed[-1].base_rate == honest[-1].base_rate  # type: ignore[attr-defined]
    assert honest[-1].shift is None  # type: ignore[attr-defined]
    assert repr(fixed) == f"number@1 >> Platt at base rate {shift.new_rate:.3g}"
    ranking = there[0].ranking
    assert fixed(ranking).ids == honest(ranking).ids
    again = adapted(fixed, [j.ranking for j in there])
    assert again[-1].shift == shift  # type: ignore[attr-defined]


def test_by_rank_with_an_incoming_probability(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    judge = Order(FakeJudge(lambda q, t: float(t), name="judge@1"))
    pipeline = calibrated(calibrated(number, world(60)) >> judge, world(60, seed=4))
    fixed = adapted(pipeline, [j.ranking for j in world(60, rate=0.1, seed=1)])
    shift = fixed[-1].shift  # type: ignore[attr-defined]
    assert shift.new_rate < 0.6 * shift.fitted_rate
    ranking = fixed(world(1)[0].ranking)
    assert ranking.scores == sorted(ranking.scores, reverse=True)


def test_stages_behind_the_calibrator_stay(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    pipeline = calibrated(number, world(60)) >> Threshold(0.5) >> Top(3)
    rankings = [j.ranking for j in world(30, rate=0.1, seed=1)]
    fixed = adapted(pipeline, rankings)
    assert len(fixed) == 4
    assert repr(fixed[2:]) == "p>=0.5 >> Top(3)"
    assert sum(map(len, fixed.run(rankings))) < sum(map(len, pipeline.run(rankings)))


def test_it_goes_into_a_recipe_and_old_recipes_still_load(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    stage = Calibrate(Platt(1.0, 0.5), "number@1", base_rate=0.3).shifted(PriorShift(0.3, 0.1))
    again = Recipe.of_dict(Recipe.of(stage).to_dict()).stage()
    ranking = number(Ranking.of("q", ["1", "-1"]))
    assert again(ranking) == stage(ranking)
    assert again.name == "Platt at base rate 0.1"
    platt = {"type": "Platt", "slope": 1.0, "bias": 0.5}
    old = {"type": "Calibrate", "calibrator": platt, "fitted_on": "number@1"}
    loaded = Recipe(old).stage()
    assert loaded.base_rate is None  # type: ignore[attr-defined]
    by_rank = {"type": "ByRank", "log_slope": 1.0, "slope": 0.0, "incoming_slope": 0.0,
               "bias": 0.0, "incoming": None}  # fmt: skip
    Recipe({"type": "CalibrateOrder", "calibrator": by_rank, "fitted_on": "x"}).stage()
    with pytest.raises(CalibrationError, match="does not say at which base rate"):
        adapted(number >> loaded, [j.ranking for j in world(30)])
    told = adapted(number >> loaded, [j.ranking for j in world(30)], base_rate=0.4)
    assert told[-1].shift.fitted_rate == 0.4  # type: ignore[attr-defined]


def test_it_keeps_the_laws() -> None:
    length = Score(FakeScorer(lambda q, t: float(len(t)), name="length"))
    stage = Calibrate(Platt(0.1, -1.0), "length").shifted(PriorShift(0.3, 0.1))
    check_stage(length >> stage)
    check_stage(stage, length.run(samples()))
    with pytest.raises(CalibrationError, match="fitted on 'length'"):
        Score(FakeScorer(name="other")) >> stage


def test_too_few_rankings_and_no_calibrator(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    honest = calibrated(number, world(20))
    few = [j.ranking for j in world(10)]
    with pytest.raises(CalibrationError, match="10 rankings with candidates are too few"):
        adapted(honest, [*few, *[Ranking.of("empty", [])] * 50])
    with pytest.raises(CalibrationError, match="has no calibrator"):
        adapted(number, few)
