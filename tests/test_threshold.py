from __future__ import annotations

import math

import pytest

from secondpass import (
    Candidate,
    InvalidInputError,
    NoScoresError,
    NotCalibratedError,
    Ranking,
    Score,
    Threshold,
    Top,
)
from secondpass.testing import FakeScorer

PROBABLE = Ranking(
    "q",
    tuple(Candidate(str(i), "t", score=s) for i, s in enumerate((0.9, 0.5, 0.1))),
    "probability",
)


@pytest.mark.parametrize(("at_least", "left"), [(0, 3), (0.5, 2), (0.51, 1), (1, 0)])
def test_it_keeps_what_is_relevant_enough(at_least: float, left: int) -> None:
    assert len(Threshold(at_least)(PROBABLE)) == left


def test_it_says_what_it_dropped() -> None:
    (event,) = Threshold(0.6)(PROBABLE).events
    assert (event.kind, event.message) == ("dropped", "2 of 3 dropped; the best of them had 0.5")
    assert Threshold(0)(PROBABLE).events == ()


def test_raw_scores_are_refused_and_the_remedy_named() -> None:
    with pytest.raises(NotCalibratedError, match="calibrated"):
        (Score(FakeScorer()) >> Threshold(0.5))(Ranking.of("q", ["q"]))


def test_raw_scores_can_be_cut_if_one_says_so() -> None:
    pipeline = Score(FakeScorer()) >> Threshold(1, scale="raw")
    assert pipeline(Ranking.of("a b", ["a", "b", "c"])).ids == ["0", "1"]
    with pytest.raises(NotCalibratedError, match="use Threshold"):
        Threshold(0.5, scale="raw")(PROBABLE)


def test_an_order_has_nothing_to_cut_by() -> None:
    with pytest.raises(NoScoresError, match="only an order"):
        Threshold(0.5)(Ranking.of("q", ["a"]))


def test_nothing_in_nothing_out() -> None:
    assert len((Top(0) >> Threshold(0.5))(Ranking.of("q", ["a"]))) == 0


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan, math.inf, "0.5", None])
def test_what_is_no_probability_is_refused(bad: object) -> None:
    with pytest.raises(InvalidInputError, match="not a probability"):
        Threshold(bad)  # type: ignore[arg-type]


def test_a_negative_logit_is_not_dropped_by_a_default() -> None:
    negative = Score(FakeScorer(lambda q, t: -3.0))
    assert len(negative(Ranking.of("q", ["a", "b"]))) == 2
