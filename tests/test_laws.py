"""The laws of the design as properties, over generated rankings and pipelines."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondpass import (
    Cached,
    Calibrate,
    CalibrationError,
    Candidate,
    Compare,
    Fuse,
    NoScoresError,
    NotCalibratedError,
    Order,
    Platt,
    Ranking,
    Refine,
    Score,
    SlidingWindow,
    Stage,
    Threshold,
    Top,
)
from secondpass.models.bm25 import BM25
from secondpass.stages.metadata_scorers import FieldWeight, TrailScore
from secondpass.testing import FakeComparer, FakeJudge, FakeScorer, check_stage, laws

TEXTS = st.text(alphabet="ab é\n0", max_size=12)
CANDIDATES = st.builds(
    Candidate,
    id=st.text(alphabet="xyz123", min_size=1, max_size=4),
    text=TEXTS,
    metadata=st.dictionaries(st.sampled_from(["n", "kind"]), st.integers(0, 3)),
    score=st.none() | st.floats(-5, 5),
    payload=st.builds(object),
)
RANKINGS = st.builds(
    Ranking.of,
    st.text(alphabet="ab é0", min_size=1, max_size=8).filter(str.strip),
    st.lists(CANDIDATES, max_size=9, unique_by=lambda c: c.id),
)

LENGTH = Score(FakeScorer(lambda q, t: float(len(t)), name="length"))
PROBABLE = LENGTH >> Calibrate(Platt(0.3, -1.0), "length")
KEEPING = st.sampled_from(
    [
        Score(FakeScorer()),
        Score(Cached(FakeScorer(), size=5)),
        Score(BM25()),
        Score(FieldWeight("n", {0: 1.0, 1: 0.5})),
        Score(TrailScore()),
        Compare(FakeComparer()),
        Order(FakeJudge(), SlidingWindow(3, 2)),
        PROBABLE,
        LENGTH,
    ]
)
NORMALISE = st.sampled_from(["reciprocal-rank", "min-max", "z-score"])
SCORING = st.sampled_from([Score(FakeScorer()), LENGTH, Compare(FakeComparer()), PROBABLE])


@settings(max_examples=150)
@given(KEEPING, st.lists(RANKINGS, max_size=4))
def test_law_1_2_3_of_every_stage_that_keeps(stage: Stage, rankings: list[Ranking]) -> None:
    check_stage(stage, rankings)


@settings(max_examples=150)
@given(st.lists(KEEPING, min_size=1, max_size=3), st.lists(RANKINGS, max_size=3))
def test_law_1_2_3_of_fusions_by_rank(members: list[Stage], rankings: list[Ranking]) -> None:
    check_stage(Fuse(*members), rankings)


@settings(max_examples=100)
@given(
    st.lists(SCORING, min_size=1, max_size=3),
    NORMALISE,
    st.sampled_from(["worst", "skip"]),
    st.lists(RANKINGS, max_size=3),
    st.integers(0, 4),
)
def test_law_1_2_3_of_fusions_by_score(
    members: list[Stage], normalise: str, missing: str, rankings: list[Ranking], k: int
) -> None:
    cut = [members[0] >> Top(k), *members[1:]]
    if k == 0:
        cut = members
    check_stage(Fuse(*cut, normalise=normalise, missing=missing), rankings)  # type: ignore[arg-type]


@settings(max_examples=100)
@given(KEEPING, st.integers(0, 6), st.lists(RANKINGS, max_size=3))
def test_law_4_refine_yields_an_order(stage: Stage, k: int, rankings: list[Ranking]) -> None:
    refined = LENGTH >> Refine(stage, k)
    check_stage(refined, rankings)
    for before, after in zip(LENGTH.run(rankings), refined.run(rankings), strict=True):
        assert after.scale == "order"
        assert set(after.ids[:k]) == set(before.ids[:k])
        assert after.ids[k:] == before.ids[k:]


@settings(max_examples=100)
@given(RANKINGS, st.floats(0, 1))
def test_law_5_a_threshold_cuts_probabilities_and_nothing_else(
    ranking: Ranking, at_least: float
) -> None:
    after = (PROBABLE >> Threshold(at_least))(ranking)
    whole = PROBABLE(ranking)
    assert after.ids == [c.id for c in whole if c.score is not None and c.score >= at_least]
    laws.nothing_lost(ranking, after, cuts=True)
    if len(ranking):
        with pytest.raises(NotCalibratedError):
            (LENGTH >> Threshold(at_least))(ranking)
        with pytest.raises(NoScoresError):
            Threshold(at_least)(ranking)
        assert (len(after) < len(whole)) == any(e.kind == "dropped" for e in after.events)


@settings(max_examples=100)
@given(SCORING, SCORING, RANKINGS, st.integers(0, 5))
def test_law_6_a_calibrator_refuses_every_pipeline_but_its_own(
    own: Stage, other: Stage, ranking: Ranking, k: int
) -> None:
    assert own.origin is not None
    calibrate = Calibrate(Platt(0.5, 0.0), fitted_on=own.origin)
    if own.origin == other.origin and own is not PROBABLE:
        assert (other >> Top(k) >> calibrate)(ranking).scale == "probability"
        return
    if own.origin != other.origin:
        with pytest.raises(CalibrationError, match="was fitted on"):
            other >> Top(k) >> calibrate
        if len(ranking) and other is not PROBABLE:
            with pytest.raises(CalibrationError, match="was fitted on"):
                calibrate(other(ranking))


@settings(max_examples=100)
@given(st.lists(RANKINGS, min_size=1, max_size=4))
def test_law_7_scores_do_not_depend_on_the_batch(rankings: list[Ranking]) -> None:
    for stage in (LENGTH, PROBABLE, Score(FakeScorer())):
        assert stage.run(rankings) == [stage(r) for r in rankings]


@settings(max_examples=100)
@given(RANKINGS)
def test_law_8_events_and_trails_only_grow(ranking: Ranking) -> None:
    told = ranking.with_event("before", "note", "was here")
    after = (Fuse(LENGTH, LENGTH >> Top(1)) >> Top(3) >> Refine(PROBABLE, 2))(told)
    assert after.events[0] == told.events[0]
    laws.nothing_lost(told, after, cuts=True)


# The kit itself must catch each breach, or it proves nothing.


class Breaks(Stage):
    name = "breaks"

    def __init__(self, how) -> None:  # type: ignore[no-untyped-def]
        self.how = how

    def run(self, rankings):  # type: ignore[no-untyped-def]
        return [self.how(r) for r in rankings]


@pytest.mark.parametrize(
    ("how", "law"),
    [
        (lambda r: r.head(1), "law 1.*lost"),
        (lambda r: Ranking.of(r.query, [Candidate(c.id, c.text + "!") for c in r]), "law 1"),
        (lambda r: Ranking.of("other", list(r)), "law 1: the query"),
        (lambda r: Ranking.of(r.query, [Candidate("new", "t")]), "law 1.*nowhere"),
        (lambda r: Ranking.of(r.query, [Candidate(c.id, c.text) for c in r]), "law 1"),
    ],
)
def test_the_kit_catches(how, law: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(AssertionError, match=law):
        check_stage(Breaks(how))
