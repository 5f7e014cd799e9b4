from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from secondpass import (
    Candidate,
    FieldWeight,
    FunctionScorer,
    InvalidInputError,
    Ranking,
    Recency,
    Score,
)
from secondpass.stages.metadata_scorers import TrailScore
from secondpass.testing import check_stage

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MONTH = timedelta(days=30)


def _scores(scorer: object, *metadata: dict[str, object]) -> list[float | None]:
    candidates = [Candidate(str(i), "t", m) for i, m in enumerate(metadata)]
    return scorer.score_candidates("q", candidates)  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize(
    "value",
    [
        NOW - MONTH,
        (NOW - MONTH).replace(tzinfo=None),
        (NOW - MONTH).astimezone(timezone(timedelta(hours=9))),
        "2026-01-01T12:00:00Z",
        "2026-01-01T12:00:00",
        (NOW - MONTH).timestamp(),
    ],
)
def test_after_a_half_life_a_document_is_worth_half(value: object) -> None:
    assert _scores(Recency("d", MONTH, NOW), {"d": value}) == [pytest.approx(0.5)]


def test_dates_the_future_and_the_absent() -> None:
    scorer = Recency("d", MONTH, NOW)
    assert _scores(scorer, {"d": date(2026, 1, 1)}, {"d": "2027-01-01"}, {}, {"d": None}) == [
        pytest.approx(0.5 ** (30.5 / 30)), 1.0, None, None,
    ]  # fmt: skip
    assert _scores(Recency("d", MONTH, NOW, missing=0.1), {}) == [0.1]


@pytest.mark.parametrize("value", ["yesterday", [], True, 1e30])
def test_what_is_no_date_is_named(value: object) -> None:
    with pytest.raises(InvalidInputError, match="candidate '0' has d="):
        _scores(Recency("d", MONTH, NOW), {"d": value})


def test_now_is_the_moment_of_the_call() -> None:
    assert _scores(Recency("d", MONTH), {"d": datetime.now(UTC)}) == [pytest.approx(1.0, abs=1e-3)]


def test_field_weights() -> None:
    scorer = FieldWeight("kind", {"official": 1.0, "forum": 0.2})
    assert _scores(scorer, {"kind": "forum"}, {"kind": "blog"}, {}, {"kind": ["official"]}) == [
        0.2, None, None, None,
    ]  # fmt: skip
    assert _scores(FieldWeight("kind", {"a": 1}, missing=0.5), {}) == [0.5]


def test_any_function() -> None:
    def title_match(query: str, candidate: Candidate) -> float | None:
        title = candidate.metadata.get("title")
        return None if title is None else float(query in title)

    scorer = FunctionScorer(title_match)
    assert scorer.name == "custom:title_match"
    assert _scores(scorer, {"title": "q and a"}, {"title": "x"}, {}) == [1.0, 0.0, None]


def test_the_retrievers_own_score_can_take_part() -> None:
    docs = [Candidate("a", "x", score=0.2), Candidate("b", "x", score=0.9)]
    assert Score(TrailScore())(Ranking.of("q", docs)).ids == ["b", "a"]
    assert Score(TrailScore())(Ranking.of("q", ["no", "scores"])).scale == "order"


def test_bad_arguments() -> None:
    with pytest.raises(InvalidInputError, match="positive"):
        Recency("d", timedelta(0))
    with pytest.raises(InvalidInputError, match="no weights"):
        FieldWeight("kind", {})


def test_they_keep_the_laws() -> None:
    check_stage(Score(FieldWeight("n", {1: 5.0, 2: 1.0})))
    check_stage(Score(FieldWeight("n", {1: 5.0}, missing=0.0)))
    check_stage(Score(TrailScore()))
