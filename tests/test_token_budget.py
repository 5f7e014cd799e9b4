from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass import (
    InvalidInputError,
    Ranking,
    Recipe,
    RecipeError,
    Score,
    TokenBudget,
)
from secondpass.core.tokens import estimated
from secondpass.testing import FakeScorer, laws


def _words(text: str) -> int:
    return len(text.split())


def test_it_keeps_the_best_that_fit_and_lets_a_shorter_one_in() -> None:
    ranking = Ranking.of("q", ["a b c", "d e f g", "h", "i j"])
    kept = TokenBudget(6, _words)(ranking)
    assert kept.ids == ["0", "2", "3"]
    (event,) = kept.events
    assert event.kind == "left-out"
    assert event.message == (
        "1 of 4 did not fit into the token budget, the best of them candidate 2 with 4 tokens; "
        "6 of 6 used"
    )


def test_where_all_fit_nothing_happens() -> None:
    ranking = Ranking.of("q", ["a b", "", "c"])
    assert TokenBudget(3, _words)(ranking) is ranking
    assert TokenBudget(0)(Ranking.of("q", [""])).ids == ["0"]
    assert len(TokenBudget(0)(Ranking.of("q", ["a"]))) == 0


@given(st.lists(st.text(max_size=40), max_size=12), st.integers(0, 40))
def test_it_never_takes_more_and_leaves_out_only_what_does_not_fit(
    texts: list[str], tokens: int
) -> None:
    ranking = Score(FakeScorer(lambda q, t: float(len(t))))(Ranking.of("q", texts))
    kept = TokenBudget(tokens)(ranking)
    laws.nothing_lost(ranking, kept, cuts=True)
    assert kept.scale == "raw"
    used = 0
    for candidate in ranking:
        size = estimated(candidate.text)
        assert (candidate.id in kept.ids) == (used + size <= tokens)
        used += size if candidate.id in kept.ids else 0
    assert used <= tokens
    assert bool(kept.events) == (len(kept) < len(ranking))


def test_recipes_keep_the_estimate_and_refuse_a_function() -> None:
    again = Recipe.of(TokenBudget(7)).stage()
    assert (again.name, again.count_tokens) == ("TokenBudget(7)", None)  # type: ignore[attr-defined]
    with pytest.raises(RecipeError, match="holds no code"):
        Recipe.of(TokenBudget(7, _words))


def test_bad_input() -> None:
    for bad in (-1, 1.5, True, "7", None):
        with pytest.raises(InvalidInputError, match="whole number"):
            TokenBudget(bad)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="a function from a text"):
        TokenBudget(7, "gpt-4")  # type: ignore[arg-type]
    for count in (-1, 2.5, None, [1, 2]):
        with pytest.raises(InvalidInputError, match="token counter returned"):
            TokenBudget(7, lambda text, count=count: count)(Ranking.of("q", ["a"]))  # type: ignore[misc]
