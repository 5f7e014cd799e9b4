from __future__ import annotations

import logging
import math

import pytest

from secondpass import (
    Candidate,
    InvalidInputError,
    NoScoresError,
    NotCalibratedError,
    Ranking,
    Recipe,
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


def test_the_best_stay_whatever_their_probability_and_an_event_says_so() -> None:
    kept = Threshold(0.6, keep_at_least=2)(PROBABLE)
    assert kept.ids == ["0", "1"]
    below, dropped = kept.events
    assert below.kind == "kept-below-threshold"
    assert below.message == (
        "1 kept below the threshold 0.6, of probability 0.5, since keep_at_least=2"
    )
    assert dropped.message == "1 of 3 dropped; the best of them had 0.1"


def test_keep_at_least_never_keeps_fewer_nor_more_than_there_are() -> None:
    assert Threshold(0.05, keep_at_least=1)(PROBABLE) == PROBABLE
    kept = Threshold(0.95, keep_at_least=9)(PROBABLE)
    assert (kept.ids, [e.kind for e in kept.events]) == (PROBABLE.ids, ["kept-below-threshold"])
    assert len(Threshold(0.9, keep_at_least=2)(Top(0)(PROBABLE))) == 0


def test_keep_at_least_on_raw_scores() -> None:
    pipeline = Score(FakeScorer()) >> Threshold(9, "raw", keep_at_least=1)
    ranking = pipeline(Ranking.of("a b", ["a", "b a", "c"]))
    assert ranking.ids == ["1"]
    assert "of score 2," in ranking.events[0].message


@pytest.mark.parametrize("bad", [-1, True, 1.0, "2", None])
def test_keep_at_least_is_a_whole_number(bad: object) -> None:
    with pytest.raises(InvalidInputError, match=r"keep_at_least=.*whole number"):
        Threshold(0.5, keep_at_least=bad)  # type: ignore[arg-type]


def test_a_recipe_keeps_keep_at_least_and_reads_one_without_it() -> None:
    written = Recipe.of(Threshold(0.5, keep_at_least=3)).to_dict()
    again = Recipe.of_dict(written).stage()
    assert repr(again) == "p>=0.5 (keep at least 3)"
    del written["pipeline"]["keep_at_least"]
    assert repr(Recipe.of_dict(written).stage()) == "p>=0.5"


def test_an_empty_answer_is_logged_once_with_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="secondpass"):
        for _ in range(3):
            assert len(Threshold(0.987)(PROBABLE)) == 0
        Threshold(0.986, keep_at_least=1)(PROBABLE)
        Threshold(0.985)(Top(0)(PROBABLE))
    (line,) = caplog.records
    assert (line.name, line.levelname) == ("secondpass", "WARNING")
    for words in ("0.987", "none of 3", "P(relevant) 0.9", "choose_threshold", "keep_at_least="):
        assert words in line.getMessage()
    assert not logging.getLogger("secondpass").handlers
