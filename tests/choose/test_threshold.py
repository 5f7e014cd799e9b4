from __future__ import annotations

import random
from pathlib import Path

import pytest

from secondpass import (
    BestF,
    Calibrate,
    CalibrationError,
    InvalidInputError,
    JudgedQuery,
    NoScoresError,
    Order,
    Platt,
    PrecisionAtLeast,
    RecallAtLeast,
    Recipe,
    Score,
    Stage,
    Threshold,
    Top,
    calibrated,
    choose_threshold,
)
from secondpass.testing import FakeJudge, FakeScorer
from secondpass.thresholds import TokensAtMost

NUMBER = Score(FakeScorer(lambda q, t: float(t.split()[0]), name="number@1"))
HONEST = NUMBER >> Calibrate(Platt(4 / 3, -0.85), "number@1")


def _judged(n: int, seed: int = 0) -> list[JudgedQuery]:
    g = random.Random(seed)
    found = []
    for q in range(n):
        labels = [g.random() < 0.3 for _ in range(20)]
        texts = [
            f"{g.gauss(1.5 if y else -1.5, 1.5)!r} {'word ' * g.randint(1, 9)}" for y in labels
        ]
        found.append(JudgedQuery.of(f"q{q}", texts, [str(i) for i, y in enumerate(labels) if y]))
    return found


def _measured(pipeline: Stage, judged: list[JudgedQuery]) -> tuple[float, float, float]:
    """Precision, recall and words, a plain loop over the pipeline itself."""
    precisions, recalls, kept = [], [], 0
    for j in judged:
        ranking = pipeline(j.ranking)
        hits = len(j.relevant & set(ranking.ids))
        kept += sum(len(c.text.split()) for c in ranking)
        if len(ranking):
            precisions.append(hits / len(ranking))
        if j.relevant:
            recalls.append(hits / len(j.relevant))
    return sum(precisions) / len(precisions), sum(recalls) / len(recalls), kept / len(judged)


@pytest.mark.parametrize(
    "goal", [BestF(), BestF(3.0), PrecisionAtLeast(0.9), RecallAtLeast(0.9), TokensAtMost(25)]
)
@pytest.mark.parametrize("pipeline", [HONEST, NUMBER])
def test_the_pipeline_does_what_the_evidence_says(pipeline: Stage, goal) -> None:  # type: ignore[no-untyped-def]
    judged = _judged(60)
    chosen = choose_threshold(pipeline, judged, goal, count_tokens=lambda text: len(text.split()))
    evidence = chosen.evidence
    assert isinstance(chosen.pipeline[-1], Threshold)
    assert chosen.pipeline[-1].at_least == evidence.threshold
    precision, recall, words = _measured(chosen.pipeline, judged)
    assert evidence.seen.precision == pytest.approx(precision)
    assert evidence.seen.recall == pytest.approx(recall)
    assert evidence.seen.tokens == pytest.approx(words)
    match goal:
        case PrecisionAtLeast(share):
            assert precision >= share
        case RecallAtLeast(share):
            assert recall >= share
        case TokensAtMost(tokens):
            assert words <= tokens
    assert (evidence.queries, evidence.pairs) == (60, 1200)
    assert len(evidence.fold_thresholds) == 5
    assert "expected on new ones" in str(chosen)


def test_no_other_threshold_does_better_on_the_labels() -> None:
    judged = _judged(15)
    chosen = choose_threshold(HONEST, judged, BestF())
    best = chosen.evidence.seen.f()
    scores = {s for j in judged for s in HONEST(j.ranking).scores}
    for s in scores:
        p, r, _ = _measured(HONEST >> Threshold(s), judged)
        assert 2 * p * r / (p + r) <= best + 1e-12


def test_what_is_expected_is_what_new_queries_give() -> None:
    """In-sample is too good on average; the cross-validated figure is not."""
    fresh = _judged(400, seed=99)
    seen, expected, true = [], [], []
    for seed in range(12):
        chosen = choose_threshold(HONEST, _judged(15, seed), PrecisionAtLeast(0.93))
        outcome = chosen.evidence.expected
        assert outcome is not None
        assert outcome.precision is not None
        assert chosen.evidence.seen.precision is not None
        seen.append(chosen.evidence.seen.precision)
        expected.append(outcome.precision)
        true.append(_measured(chosen.pipeline, fresh)[0])
    mean = [sum(x) / len(x) for x in (seen, expected, true)]
    assert mean[0] > mean[2]
    assert abs(mean[1] - mean[2]) < 0.02


def test_a_threshold_that_is_there_is_replaced_and_recipes_keep_it() -> None:
    chosen = choose_threshold(HONEST >> Threshold(0.99), _judged(20), RecallAtLeast(0.9))
    assert len(chosen.pipeline) == 3
    again = Recipe.of(chosen.pipeline[-1]).stage()
    assert again.at_least == chosen.evidence.threshold  # type: ignore[attr-defined]
    raw = choose_threshold(NUMBER, _judged(20), BestF()).pipeline[-1]
    assert isinstance(raw, Threshold)
    assert raw.scale == "raw"


def test_impossible_goals_say_what_can_be_had() -> None:
    judged = [JudgedQuery.of(f"q{i}", ["2", "1"], ["1"]) for i in range(4)]
    with pytest.raises(InvalidInputError, match=r"out of reach on these 4.*precision is 0\.500"):
        choose_threshold(NUMBER, judged, PrecisionAtLeast(0.9))
    with pytest.raises(InvalidInputError, match=r"has recall 0\.000; cut less"):
        choose_threshold(NUMBER >> Top(1), judged, RecallAtLeast(0.5))
    certain = NUMBER >> Calibrate(Platt(1e6, 0.0), "number@1")
    with pytest.raises(InvalidInputError, match="the fewest are"):
        choose_threshold(certain, judged, TokensAtMost(0))


def test_folds_that_cannot_reach_the_goal_are_counted() -> None:
    easy = JudgedQuery.of("easy", ["5", "1"], ["0"])
    hard = [JudgedQuery.of(f"q{i}", ["2", "1"], ["1"]) for i in range(4)]
    evidence = choose_threshold(NUMBER, [easy, *hard], PrecisionAtLeast(0.99)).evidence
    assert evidence.folds_short == 1
    assert "1 folds could not reach" in str(evidence)


def test_what_cannot_be_cut_is_refused() -> None:
    judge = Order(FakeJudge(lambda q, t: float(t.split()[0])))
    with pytest.raises(NoScoresError, match="calibrate it first"):
        choose_threshold(judge, _judged(5), BestF())
    with pytest.raises(CalibrationError, match="no judged queries"):
        choose_threshold(NUMBER, [], BestF())
    with pytest.raises(CalibrationError, match="none of the 2 labelled"):
        choose_threshold(NUMBER, [JudgedQuery.of(q, ["1"], []) for q in "ab"], BestF())
    with pytest.raises(CalibrationError, match="two different queries"):
        choose_threshold(NUMBER, _judged(1), BestF())
    with pytest.raises(CalibrationError, match="left no candidate"):
        choose_threshold(NUMBER >> Top(0), _judged(3), BestF())


def test_queries_that_fitted_the_calibrator_are_counted() -> None:
    judged = _judged(30)
    honest = calibrated(NUMBER, judged[:20]).pipeline
    evidence = choose_threshold(honest, judged[10:], BestF()).evidence
    assert evidence.reused == 10
    assert "10 of the queries also fitted the calibrator" in str(evidence)
    assert choose_threshold(honest, judged[20:], BestF()).evidence.reused == 0


def test_the_figure_is_drawn(tmp_path: Path) -> None:
    choose_threshold(HONEST, _judged(10), BestF()).evidence.figure().savefig(tmp_path / "t.png")
    assert (tmp_path / "t.png").stat().st_size > 5000


def test_many_different_scores_are_thinned_out() -> None:
    chosen = choose_threshold(HONEST, _judged(120), RecallAtLeast(0.9))
    assert len(chosen.evidence.curve) <= 1002
    assert chosen.evidence.seen.recall == pytest.approx(0.9, abs=0.01)


def test_a_goal_that_is_not_to_be_expected_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Labels by chance: that the few best are relevant here says nothing of the next query."""
    g = random.Random(52)
    judged = [
        JudgedQuery.of(
            f"q{q}",
            [repr(g.gauss(0, 1)) for _ in range(5)],
            [str(i) for i in range(5) if g.random() < 0.3],
        )
        for q in range(20)
    ]
    evidence = choose_threshold(NUMBER, judged, PrecisionAtLeast(0.8)).evidence
    assert evidence.seen.precision is not None
    assert evidence.seen.precision >= 0.8
    assert not evidence.meets_goal
    assert evidence.warning is not None
    assert "expect precision 0.25, recall" in evidence.warning
    for words in (
        "PrecisionAtLeast(share=0.8) is met on these 20",
        "not to be expected",
        "expect ",
    ):
        assert words in evidence.warning
    assert evidence.warning in str(evidence)
    assert [(r.name, r.getMessage()) for r in caplog.records] == [("secondpass", evidence.warning)]


def test_a_goal_that_is_to_be_expected_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    for goal in (RecallAtLeast(0.5), PrecisionAtLeast(0.3), BestF(), TokensAtMost(1000)):
        evidence = choose_threshold(HONEST, _judged(60), goal).evidence
        assert evidence.meets_goal
        assert evidence.warning is None
    assert not caplog.records
