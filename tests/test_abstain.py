from __future__ import annotations

import math

import pytest

from secondpass import (
    Abstain,
    Candidate,
    InvalidInputError,
    NoScoresError,
    NotCalibratedError,
    Ranking,
    Recipe,
    Score,
    Threshold,
)
from secondpass.testing import FakeScorer

PROBABLE = Ranking(
    "q",
    tuple(Candidate(str(i), "t", score=s) for i, s in enumerate((0.6, 0.2))),
    "probability",
)


def test_a_good_best_keeps_its_neighbours() -> None:
    assert Abstain(0.6)(PROBABLE) is PROBABLE
    assert (Abstain(0.5) >> Threshold(0.1))(PROBABLE).ids == ["0", "1"]


def test_a_bad_best_leaves_nothing_and_says_so() -> None:
    none = Abstain(0.61)(PROBABLE)
    assert len(none) == 0
    (event,) = none.events
    assert (event.stage, event.kind) == ("Abstain(0.61)", "abstained")
    assert event.message == "the best of 2 has only 0.6"


def test_it_needs_probabilities() -> None:
    with pytest.raises(NotCalibratedError, match="these scores are raw"):
        (Score(FakeScorer()) >> Abstain(0.5))(Ranking.of("q", ["a"]))
    with pytest.raises(NoScoresError, match="only an order"):
        Abstain(0.5)(Ranking.of("q", ["a"]))
    assert len(Abstain(0.5)(Ranking.of("q", []))) == 0


def test_recipe_and_bad_input() -> None:
    assert Recipe.of(Abstain(0.3)).stage().at_least == 0.3  # type: ignore[attr-defined]
    for bad in (-0.1, 1.1, math.nan, "0.5", None, True):
        with pytest.raises(InvalidInputError, match="not a probability"):
            Abstain(bad)  # type: ignore[arg-type]
