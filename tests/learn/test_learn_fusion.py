"""Learned fusion on data whose right weights are known."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean
from typing import Literal

import pytest

from secondpass import (
    Calibrate,
    CalibrationError,
    Candidate,
    InvalidInputError,
    JudgedQuery,
    NoScoresError,
    NotCalibratedError,
    Order,
    Ranking,
    Recency,
    Recipe,
    Score,
    Stage,
    Top,
    calibrated,
    learn_fusion,
)
from secondpass.calibrate import Fitted, expected_calibration_error
from secondpass.core.judged import normalise_query
from secondpass.stages import FusionEvidence, LearnedFuse
from secondpass.stages.fuse.learned.features import FeatureKind
from secondpass.stages.metadata_scorers import FieldWeight
from secondpass.testing import FakeAsyncJudge, FakeJudge, FakeScorer, check_stage

Drawn = Callable[..., list[JudgedQuery]]
Learned = Fitted[FusionEvidence]
PLAIN: list[FeatureKind] = ["score"]


def linear(a: float, b: float, kind: str) -> float:
    return 2 * a + 1 * b - 2


def crossed(a: float, b: float, kind: str) -> float:
    """Relevant where both are high or both are low: no weighted sum can say that."""
    return 8 if a * b > 0.3 else -8


def fusion(fitted: Learned) -> LearnedFuse:
    stage = fitted.pipeline[0]
    assert isinstance(stage, LearnedFuse)
    assert stage.evidence is fitted.evidence
    return stage


@pytest.fixture(scope="module")
def logistic(first: Stage, second: Stage, drawn: Drawn) -> Learned:
    return learn_fusion([first, second], drawn(120, linear), features=PLAIN)


def test_logistic_finds_the_weights_and_their_ratio(logistic: Learned) -> None:
    weights = logistic.evidence.weights
    assert weights == fusion(logistic).weights
    assert weights["first@1: score"] == pytest.approx(2, abs=0.3)
    assert weights["first@1: score"] / weights["second@1: score"] == pytest.approx(2, rel=0.15)
    assert weights["first@1: missing"] == 0


def test_its_probabilities_are_right_on_new_queries(logistic: Learned, drawn: Drawn) -> None:
    fresh = drawn(100, linear, seed=7)
    ranked = logistic.pipeline.run([j.ranking for j in fresh])
    said = [s for r in ranked for s in r.scores]
    labels = [c.id in j.relevant for j, r in zip(fresh, ranked, strict=True) for c in r]
    assert {r.scale for r in ranked} == {"probability"}
    assert expected_calibration_error(said, labels) < 0.03
    (just,) = fusion(logistic).run([fresh[0].ranking])
    assert just.scale == "raw"


def test_the_evidence_compares_with_fixed_weights_and_each_member(logistic: Learned) -> None:
    evidence = logistic.evidence
    assert [r.name for r in evidence.baselines] == [
        "Fuse with equal weights",
        "first@1",
        "second@1",
    ]
    assert len(evidence.ndcg) == len(evidence.log_loss) == 5
    assert evidence.better
    assert "better than fixed ones" in str(evidence)
    assert evidence.notes == () or "no relevant" in evidence.notes[0]
    for baseline in evidence.baselines:
        assert baseline.low < baseline.difference < baseline.high
        assert fmean(baseline.log_loss) > fmean(evidence.log_loss)


def test_where_fixed_weights_do_as_well_it_says_so(
    first: Stage, second: Stage, drawn: Drawn
) -> None:
    judged = drawn(12, lambda a, b, kind: 2 * a - 1)
    evidence = learn_fusion([first, second], judged).evidence
    assert not evidence.better
    assert "not shown to be better than" in str(evidence) or "worse than" in str(evidence)
    assert "only 12 queries: weights are strongly regularised (C = " in str(evidence)


def test_lambdamart_beats_fixed_weights_where_members_interact(
    first: Stage, second: Stage, drawn: Drawn
) -> None:
    pytest.importorskip("lightgbm")
    judged = drawn(60, crossed)
    made = learn_fusion([first, second], judged, "lambdamart", folds=3)
    stage = fusion(made)
    assert len(made.pipeline) == 1
    assert made.evidence.better
    assert made.evidence.log_loss == ()
    assert min(r.low for r in made.evidence.baselines) > 0.2
    assert sum(stage.weights.values()) == pytest.approx(1)
    assert stage(judged[0].ranking).scale == "raw"
    again = learn_fusion([first, second], judged, "lambdamart", folds=3)
    assert again.pipeline.name == made.pipeline.name
    honest = calibrated(made.pipeline, drawn(30, crossed, seed=3)).pipeline
    assert honest(judged[0].ranking).scale == "probability"


@pytest.mark.parametrize("method", ["logistic", "lambdamart"])
def test_a_recipe_gives_the_same_scores(
    method: Literal["logistic", "lambdamart"], first: Stage, drawn: Drawn, tmp_path: Path
) -> None:
    if method == "lambdamart":
        pytest.importorskip("lightgbm")
    kind = Score(FieldWeight("kind", {"doc": 1.0, "forum": 0.0}))
    judged = drawn(60, lambda a, b, kind: 2 * a + 2 * (kind == "doc") - 2)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    stages = [Score(Recency("date", timedelta(days=30), now)), kind]
    made = learn_fusion(
        stages,
        judged,
        method,
        fields=["kind", "year", "date"],
        now=now,
        folds=2,
    )
    Recipe.of(made.pipeline).save(tmp_path / "r.json")
    again = Recipe.read(tmp_path / "r.json").stage()
    rankings = [j.ranking for j in judged[:20]]
    assert again.run(rankings) == made.pipeline.run(rankings)
    assert again.name == made.pipeline.name
    assert again[0].evidence == made.evidence  # type: ignore[index]
    code = (
        "import sys; sys.modules.update(lightgbm=None, sklearn=None, scipy=None);"
        "from pathlib import Path; from secondpass import Recipe, Ranking, Candidate;"
        f"s = Recipe.read({str(tmp_path / 'r.json')!r}).stage();"
        "s(Ranking.of('q', [Candidate('1', 't', {'year': 2003, 'kind': 'doc'})]))"
    )
    command = [sys.executable, "-c", code]
    without = subprocess.run(command, check=False, capture_output=True, text=True)
    if method == "logistic":
        assert without.returncode == 0, without.stderr
    else:  # the trees are LightGBM's
        assert "MissingExtraError" in without.stderr
        assert 'pip install "secondpass[learn]"' in without.stderr


def test_it_knows_its_queries_and_members(
    logistic: Learned, first: Stage, second: Stage, drawn: Drawn
) -> None:
    stage, calibrate = fusion(logistic), logistic.pipeline[1]
    assert isinstance(calibrate, Calibrate)
    assert normalise_query("q7") in stage.queries
    assert calibrate.queries == stage.queries
    assert len(stage.queries) == 120
    with pytest.raises(CalibrationError, match="learned with the members first@1, second@1"):
        LearnedFuse(
            second, first, features=stage.features, model=stage.model, fitted_on=stage.fitted_on
        )
    other = fusion(learn_fusion([first, second], drawn(30, linear), features=PLAIN))
    with pytest.raises(CalibrationError, match="was fitted on"):
        other >> calibrate


def test_it_keeps_the_laws(first: Stage, second: Stage, drawn: Drawn) -> None:
    judge = Order(FakeAsyncJudge(lambda q, t: float(len(t))))
    judged = drawn(20, linear)
    for missing in ("worst", "skip"):
        made = learn_fusion(
            [first >> Top(12), second, judge],
            judged,
            missing=missing,
            fields=["kind"],
        )
        check_stage(made.pipeline)
        check_stage(made.pipeline[0], [j.ranking for j in judged[:3]])
        ranked = made.pipeline(judged[0].ranking)
        assert any(e.kind == "missing" and "8 of 60" in e.message for e in ranked.events)
        assert {m.stage for m in ranked[0].trail} >= {"second@1", made.pipeline[0].name, "Platt"}


async def test_it_runs_without_blocking(drawn: Drawn, first: Stage) -> None:
    judge = Order(FakeAsyncJudge(lambda q, t: float(len(t))))
    made = learn_fusion([first, judge], drawn(20, linear)).pipeline
    ranking = drawn(1, linear, seed=5)[0].ranking
    assert (await made.acall(ranking)).ids == made(ranking).ids


def test_a_calibrated_member_counts_by_its_log_odds(
    first: Stage, second: Stage, drawn: Drawn
) -> None:
    honest = calibrated(first, drawn(30, linear, seed=9)).pipeline
    made = learn_fusion([honest, second], drawn(40, linear), features=PLAIN)
    probabilities = honest(drawn(1, linear)[0].ranking)
    stage = fusion(made)
    assert stage.features.scales == ("probability", "raw")
    calibrate = honest[-1]
    assert isinstance(calibrate, Calibrate)
    slope = calibrate.calibrator.slope  # type: ignore[attr-defined]
    assert stage.weights["first@1 >> Platt: score"] * slope == pytest.approx(2, rel=0.4)
    with pytest.raises(NotCalibratedError, match="raw scores now"):
        stage.features.rows(probabilities, [first(probabilities), second(probabilities)])


def test_metadata_matters_where_it_does(first: Stage, drawn: Drawn) -> None:
    judged = drawn(60, lambda a, b, kind: a + 4 * (kind == "doc") - 3)
    weights = learn_fusion([first], judged, fields=["kind"]).evidence.weights
    assert weights["kind = 'doc'"] - weights["kind = 'forum'"] == pytest.approx(4, abs=0.6)


def test_two_members_of_one_name_are_told_apart(first: Stage, drawn: Drawn) -> None:
    stage = fusion(learn_fusion([first, first], drawn(15, linear)))
    assert "first@1 #2: score" in stage.weights


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ({"n": 3}, CalibrationError, "3 labelled queries .* logistic needs 10.*Fuse\\(\\*members"),
        ({"n": 12, "method": "lambdamart"}, CalibrationError, 'needs 50.*or use "logistic"'),
        ({"n": 0}, CalibrationError, "0 labelled queries"),
        ({"fields": ["nothing"]}, InvalidInputError, "no candidate .* field 'nothing'"),
        ({"fields": "kind"}, InvalidInputError, "is one string"),
        ({"fields": {"kind": "number"}}, InvalidInputError, "not a finite number"),
        ({"fields": {"kind": "colour"}}, InvalidInputError, '"number", "date", "category"'),
        ({"features": ["magic"]}, InvalidInputError, "some of score, standardised"),
        ({"method": "magic"}, InvalidInputError, '"logistic" or "lambdamart"'),
        ({"missing": "never"}, InvalidInputError, '"worst" or "skip"'),
        ({"folds": 1}, InvalidInputError, "2 or more"),
    ],
)
def test_bad_input(given, error, match: str, first: Stage, drawn: Drawn) -> None:  # type: ignore[no-untyped-def]
    judged = drawn(given.pop("n", 12), linear)
    with pytest.raises(error, match=match):
        learn_fusion([first], judged, **given)


def test_one_class_and_orders_without_ranks(first: Stage, drawn: Drawn) -> None:
    with pytest.raises(CalibrationError, match="0 labelled queries with a relevant and another"):
        learn_fusion([first], drawn(12, lambda a, b, kind: 50))
    judge = Order(FakeJudge(lambda q, t: float(len(t))))
    with pytest.raises(NoScoresError, match="log-rank"):
        learn_fusion([judge], drawn(12, linear), features=PLAIN)


def test_members_that_say_nothing_are_refused_or_not_shown_to_help(drawn: Drawn) -> None:
    noise = Score(FakeScorer(lambda q, t: float(hash_of(q + t)), name="noise"))
    try:
        message = str(learn_fusion([noise], drawn(30, linear)).evidence)
    except CalibrationError as error:
        message = str(error)
    assert "say nothing about relevance" in message or "not shown to be better" in message


def hash_of(text: str) -> int:
    return sum(ord(c) * 31**i for i, c in enumerate(text)) % 1009


def test_a_damaged_recipe_is_an_error(first: Stage, drawn: Drawn) -> None:
    kind = Score(FieldWeight("kind", {"doc": 1.0, "forum": 0.0}))
    judged = drawn(12, lambda a, b, kind: 4 * (kind == "doc") - 3)
    learned = json.loads(json.dumps(Recipe.of(learn_fusion([kind], judged).pipeline).to_dict()))
    learned["pipeline"]["stages"][0]["model"]["weights"].pop()
    with pytest.raises(CalibrationError, match="damaged"):
        Recipe.of_dict(learned).stage()


def test_queries_without_candidates_are_counted_out(first: Stage, drawn: Drawn) -> None:
    judged = [*drawn(12, linear), JudgedQuery(Ranking.of("none", []), frozenset())]
    made = learn_fusion([first], judged)
    evidence = made.evidence
    assert evidence.queries == 13
    assert any("1 queries have no candidate" in note for note in evidence.notes)
    assert len(made.pipeline(Ranking.of("nothing", []))) == 0


def test_a_candidate_without_the_field_or_an_opinion_has_a_finite_score(
    first: Stage, drawn: Drawn
) -> None:
    kind = Score(FieldWeight("kind", {"doc": 1.0, "forum": 0.0}))
    made = learn_fusion([first, kind], drawn(12, linear), fields=["year", "date", "kind"])
    ranked = made.pipeline(Ranking.of("q", [Candidate("x", "1 2"), Candidate("y", "0 1")]))
    assert all(math.isfinite(s) for s in ranked.scores)
    assert any("2 of 4 scores" in e.message for e in ranked.events)
