from __future__ import annotations

import statistics

import pytest

from secondpass import (
    Candidate,
    Fuse,
    InvalidInputError,
    NoScoresError,
    NotCalibratedError,
    Order,
    Ranking,
    Recency,
    Score,
    Top,
)
from secondpass.calibrate import Calibrate, Platt
from secondpass.stages.metadata_scorers import FieldWeight
from secondpass.testing import FakeJudge, FakeScorer, check_stage

RANKING = Ranking.of("q", ["a", "bbb", "cc"])
LENGTH = Score(FakeScorer(lambda q, t: float(len(t)), name="length"))
LETTER = Score(FakeScorer(lambda q, t: float(ord(t[0])), name="letter"))
KIND = FieldWeight("kind", {"doc": 1.0, "forum": 0.0})


def _by_id(ranking: Ranking) -> dict[str, float]:
    return dict(zip(ranking.ids, ranking.scores, strict=True))


def test_reciprocal_rank_fusion_is_the_papers_sum() -> None:
    scores = _by_id(Fuse(LENGTH, LETTER)(RANKING))
    assert scores == pytest.approx(
        {"0": 1 / 63 + 1 / 63, "1": 1 / 61 + 1 / 62, "2": 1 / 62 + 1 / 61}
    )


def test_min_max_with_weights() -> None:
    scores = _by_id(Fuse(LENGTH, LETTER, weights=[3, 1], normalise="min-max")(RANKING))
    assert scores == pytest.approx({"0": 0.0, "1": 3 * 1 + 0.5, "2": 3 * 0.5 + 1})


def test_z_score() -> None:
    scores = _by_id(Fuse(LENGTH, normalise="z-score")(RANKING))
    deviation = statistics.pstdev([1, 2, 3])
    assert scores == pytest.approx({"0": -1 / deviation, "1": 1 / deviation, "2": 0.0})


def test_probabilities_are_added_as_they_are_and_give_raw_scores() -> None:
    honest = LENGTH >> Calibrate(Platt(1.0, -2.0), "length")
    ranking = Fuse(honest, honest, weights=[0.75, 0.25], normalise="probability")(RANKING)
    assert ranking.scale == "raw"
    assert ranking.scores == pytest.approx(honest(RANKING).scores)


def test_raw_scores_are_no_probabilities() -> None:
    with pytest.raises(NotCalibratedError, match="'length' gives raw"):
        Fuse(LENGTH, normalise="probability")(RANKING)


@pytest.mark.parametrize("normalise", ["min-max", "z-score"])
def test_all_equal_scores_say_nothing(normalise: str) -> None:
    constant = Score(FakeScorer(lambda q, t: 7.0))
    ranking = Fuse(constant, LENGTH, normalise=normalise)(RANKING)  # type: ignore[arg-type]
    assert ranking.ids == ["1", "2", "0"]
    assert len(Fuse(constant, normalise=normalise)(Ranking.of("q", ["one"]))) == 1  # type: ignore[arg-type]


def test_an_order_can_be_fused_by_rank_only() -> None:
    judge = Order(FakeJudge(lambda q, t: float(len(t))))
    assert Fuse(judge, LENGTH)(RANKING).ids == ["1", "2", "0"]
    with pytest.raises(NoScoresError, match="reciprocal-rank"):
        Fuse(judge, LENGTH, normalise="min-max")(RANKING)


def test_what_a_member_cut_counts_as_its_worst_or_is_skipped() -> None:
    cutting = LENGTH >> Top(2)
    worst = Fuse(cutting, LETTER, normalise="min-max")(RANKING)
    assert _by_id(worst) == pytest.approx({"0": 0.0, "1": 1.5, "2": 1.0})
    skipped = Fuse(cutting, LETTER, normalise="min-max", missing="skip")(RANKING)
    assert _by_id(skipped) == pytest.approx({"0": 0.0, "1": 1.5, "2": 1.0})
    assert [e.kind for e in worst.events] == ["missing"]
    assert len(worst) == 3


def test_a_missing_field_is_no_opinion() -> None:
    docs = [
        Candidate("old", "a", {"kind": "forum"}),
        Candidate("new", "b", {"kind": "doc"}),
        Candidate("none", "c"),
    ]
    ranking = Ranking.of("q", docs)
    kind = Score(KIND)
    assert kind(ranking).scale == "order"
    worst = _by_id(Fuse(kind, LETTER, normalise="min-max")(ranking))
    assert worst == pytest.approx({"old": 0.0, "new": 1.5, "none": 1.0})
    skip = _by_id(Fuse(kind, LETTER, normalise="min-max", missing="skip")(ranking))
    assert skip == pytest.approx({"old": 0.0, "new": 1.5, "none": 2.0})
    by_rank = _by_id(Fuse(kind, normalise="reciprocal-rank")(ranking))
    assert by_rank == pytest.approx({"new": 1 / 61, "old": 1 / 62, "none": 0.0})


def test_members_marks_and_events_are_kept() -> None:
    ranking = Fuse(LENGTH, LETTER >> Top(2), normalise="min-max")(RANKING)
    trails = {c.id: [(m.stage, m.score) for m in c.trail[:-1]] for c in ranking}
    assert trails["1"] == [("length", 3.0), ("letter", 98.0)]
    assert trails["0"] == [("length", 1.0)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": [1.0]}, "1 weights for 2"),
        ({"weights": [1.0, -1.0]}, "none may be negative"),
        ({"weights": [0, 0]}, "nor all 0"),
        ({"weights": [1, float("nan")]}, "none may be negative"),
        ({"normalise": "softmax"}, "one of reciprocal-rank"),
        ({"missing": "drop"}, '"worst" or "skip"'),
        ({"k": -1}, "k=-1"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Fuse(LENGTH, LETTER, **arguments)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="needs stages"):
        Fuse()
    with pytest.raises(InvalidInputError, match="needs stages"):
        Fuse(FakeScorer())  # type: ignore[arg-type]


@pytest.mark.parametrize("normalise", ["reciprocal-rank", "min-max", "z-score"])
@pytest.mark.parametrize("missing", ["worst", "skip"])
def test_it_keeps_the_laws(normalise: str, missing: str) -> None:
    members = [Score(FakeScorer()), LENGTH >> Top(3), Score(FieldWeight("n", {0: 1, 3: 2}, 0))]
    check_stage(Fuse(*members, normalise=normalise, missing=missing))  # type: ignore[arg-type]


def test_recency_takes_part() -> None:
    from datetime import UTC, datetime, timedelta

    now = datetime(2026, 1, 1, tzinfo=UTC)
    docs = [
        Candidate("a", "x", {"date": "2025-01-01"}),
        Candidate("b", "x", {"date": "2025-12-31"}),
    ]
    fresh = Score(Recency("date", timedelta(days=365), now=now))
    assert Fuse(fresh, normalise="min-max")(Ranking.of("q", docs)).ids == ["b", "a"]
