from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass import (
    Beta,
    CalibrationError,
    Candidate,
    InvalidInputError,
    JudgedQuery,
    NotCalibratedError,
    Pipeline,
    Platt,
    Ranking,
    Recipe,
    RecipeError,
    Score,
    ScoreError,
    Threshold,
    Top,
    calibrated,
)
from secondpass.calibrate import CalibrateInList, InList, calibration_report, transfer_table
from secondpass.calibrate.methods.in_list import OF_LIST, OF_PAIR, POINTWISE
from secondpass.testing import FakeScorer, check_stage, samples

NUMBER = Score(FakeScorer(lambda q, t: float(t.split()[0]), name="number@1"))
FITTED = InList(
    features=OF_PAIR + OF_LIST,
    weights=(0.7, 0.2, 0.5, 0.4, -0.3, 0.2, 0.6, -0.1, 0.4, -0.2),
    bias=-0.5,
    centre=0.0,
    spread=2.0,
    least=(-9.0, 0.0, -9.0, -3.0, -3.0, -3.0, 0.0, 0.0, 0.5, 0.5),
    most=(0.0, 9.0, 0.0, 0.0, 3.0, 3.0, 3.0, 4.0, 4.0, 6.0),
)
STAGE = CalibrateInList(FITTED, "number@1")
SCORES = st.lists(
    st.one_of(st.sampled_from([0.0, 1.0, -7.25]), st.floats(-1e6, 1e6)), min_size=1, max_size=40
)


def _judged(n: int, seed: int = 0) -> list[JudgedQuery]:
    """Lists whose level differs: a score says what is relevant only beside those around it."""
    g = random.Random(seed)
    found = []
    for q in range(n):
        level, topical = g.gauss(0, 3), g.random() < 0.5
        labels = [g.random() < (0.5 if topical else 0.1) for _ in range(g.choice([6, 12, 20]))]
        texts = [f"{g.gauss(level + (2 if y else -1), 1)!r} some words" for y in labels]
        query = f"q{q} " + "word " * (20 if topical else 3)
        found.append(JudgedQuery.of(query, texts, [str(i) for i, y in enumerate(labels) if y]))
    return found


def _raw(scores: list[float]) -> Ranking:
    best_first = sorted(scores, reverse=True)
    docs = [Candidate(str(i), "three plain words", score=s) for i, s in enumerate(best_first)]
    return Ranking("what is it", tuple(docs), "raw")


@given(SCORES)
def test_probabilities_never_rise_along_a_list_and_equal_scores_have_equal_ones(
    scores: list[float],
) -> None:
    ranking = _raw(scores)
    probabilities = STAGE.probabilities(ranking)
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(0 <= p <= 1 for p in probabilities)
    of_score = {}
    for score, p in zip(ranking.scores, probabilities, strict=True):
        assert of_score.setdefault(score, p) == p
    assert STAGE(ranking).ids == ranking.ids


@given(SCORES, st.randoms(use_true_random=False))
def test_the_order_in_which_candidates_come_changes_nothing(
    scores: list[float], g: random.Random
) -> None:
    docs = [Candidate(str(i), f"{s!r} {'word ' * (i % 5)}") for i, s in enumerate(scores)]
    shuffled = g.sample(docs, len(docs))
    pipeline = NUMBER >> STAGE
    first, second = (pipeline(Ranking.of("what is it", d)) for d in (docs, shuffled))
    assert {c.id: c.score for c in first} == {c.id: c.score for c in second}


@pytest.mark.parametrize("scores", [[3.0], [1.5] * 7, [float(i) for i in range(10_000)]])
def test_one_candidate_equal_scores_and_ten_thousand(scores: list[float]) -> None:
    after = STAGE(_raw(scores))
    assert after.scale == "probability"
    assert len(after) == len(scores)
    assert all(c.trail[-1].note["list_size"] == len(scores) for c in after)
    if len(set(scores)) == 1:
        assert len(set(after.scores)) == 1


def test_no_candidate_is_an_empty_ranking_and_nan_is_refused() -> None:
    assert len(STAGE(Ranking.of("q", []))) == 0
    assert STAGE.probabilities(Ranking.of("q", [])) == []
    assert not STAGE(Ranking.of("q", [])).events
    with pytest.raises(ScoreError, match="finite"):
        _raw([1.0, math.nan])
    with pytest.raises(NotCalibratedError, match="raw"):
        STAGE(Ranking.of("q", ["1", "2"]))


def test_it_depends_on_the_list_and_says_so() -> None:
    assert not (NUMBER >> STAGE).pointwise
    low, high = _raw([2.0, -4.0, -4.0, -4.0]), _raw([2.0, 1.9, 1.9, 1.9])
    assert STAGE.probabilities(low)[0] != STAGE.probabilities(high)[0]
    (event,) = STAGE(_raw([0.0] * 100)).events
    assert event.kind == "unlike-fitted"
    assert "size" in event.message
    assert not STAGE(low).events


def test_without_features_of_the_list_it_is_pointwise_and_nearly_beta() -> None:
    judged = _judged(100)
    rankings, relevant = NUMBER.run([j.ranking for j in judged]), [j.relevant for j in judged]
    alone = CalibrateInList(InList.fit(rankings, relevant, POINTWISE), "number@1")
    assert alone.pointwise
    assert repr(NUMBER >> alone) == "number@1 >> ScoreAndQuery"
    head = rankings[0].head(2)
    assert alone.probabilities(rankings[0])[:2] == alone.probabilities(head)
    assert "list_size" not in alone(head)[0].trail[-1].note
    bent = InList.fit(rankings, relevant, ("low", "high"))
    beta = calibrated(NUMBER, judged, method=Beta).evidence.calibrator
    expected = [beta.probability(s) for s in rankings[0].scores]  # type: ignore[union-attr]
    assert bent.probabilities(rankings[0]) == pytest.approx(expected, abs=0.02)


def test_other_queries_of_a_batch_change_nothing() -> None:
    rankings = [j.ranking for j in _judged(6)]
    together = (NUMBER >> STAGE).run(rankings)
    assert together == [(NUMBER >> STAGE)(r) for r in rankings]


def test_it_is_fitted_like_the_others_and_learns_from_the_list() -> None:
    fit = calibrated(NUMBER, _judged(200), method=InList)
    assert isinstance(fit.evidence.calibrator, InList)
    assert repr(fit.pipeline) == "number@1 >> InList"
    table = transfer_table(NUMBER, {"a": _judged(150), "b": _judged(150, 1)}, method=InList)
    plain = transfer_table(NUMBER, {"a": _judged(150), "b": _judged(150, 1)}, method=Platt)
    assert table["a", "b"].quality.log_loss < 0.9 * plain["a", "b"].quality.log_loss
    assert calibration_report(fit.pipeline, _judged(60, 2)).rows
    with pytest.raises(CalibrationError, match="not relevant"):
        calibrated(NUMBER, [JudgedQuery.of(q, ["1", "2"], []) for q in "qr"], method=InList)


def test_it_keeps_the_laws_and_refuses_another_model() -> None:
    length = Score(FakeScorer(lambda q, t: float(len(t)), name="length"))
    own = CalibrateInList(replace(FITTED, centre=100.0, spread=1000.0), "length")
    check_stage(length >> own)
    check_stage(own, length.run(samples()))
    with pytest.raises(CalibrationError, match="fitted on 'number@1'"):
        Pipeline(length, STAGE)


def test_cuts_behind_it_are_those_of_any_probabilities() -> None:
    ranking = _judged(1)[0].ranking
    whole = (NUMBER >> STAGE)(ranking)
    cut = (NUMBER >> STAGE >> Threshold(whole.scores[3]) >> Top(2))(ranking)
    assert cut.ids == whole.ids[:2]
    assert cut.scores == whole.scores[:2]


def test_a_recipe_holds_it() -> None:
    stage = CalibrateInList(FITTED, "number@1", ["ab"], base_rate=0.2)
    again = Recipe.of_dict(Recipe.of(stage).to_dict()).stage()
    assert isinstance(again, CalibrateInList)
    assert again.calibrator == FITTED
    assert (again.fitted_on, again.base_rate) == ("number@1", 0.2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"weights": (1.0,)},
        {"weights": (0.7, -0.2, *FITTED.weights[2:])},
        {"weights": (0.7, math.nan, *FITTED.weights[2:])},
        {"most": (1.0,) * 5},
        {"spread": 0.0},
        {"features": ("low", "colour")},
        {"features": ("rank",)},
    ],
)
def test_numbers_that_would_turn_the_order_round_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError, match="InList"):
        replace(FITTED, **wrong)  # type: ignore[arg-type]
    recipe = Recipe.of(STAGE).to_dict()
    recipe["pipeline"]["calibrator"] |= {
        name: list(value) if isinstance(value, tuple) else value for name, value in wrong.items()
    }
    with pytest.raises(RecipeError, match=r"pipeline\.calibrator"):
        Recipe.of_dict(recipe).stage()
