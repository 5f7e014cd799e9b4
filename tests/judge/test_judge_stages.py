"""Judges in pipelines: recipes without secrets, missing ratings, thresholds behind them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from secondpass import (
    Budget,
    Candidate,
    ChatJudge,
    JudgedQuery,
    OpenAIChat,
    Order,
    Ranking,
    Rate,
    Recipe,
    Refine,
    Threshold,
    TopDown,
    calibrated,
    load,
)
from secondpass.judge import Answer, Prices
from secondpass.testing import FakeJudge, FakeScorer

KEY = "sk-verysecret-0123456789"
TEXTS = ["cats purr", "dogs bark loudly", "the cat sat with dogs", "nothing here"]


class Grades:
    """Rates some texts and has nothing to say of others."""

    name = "grades"

    async def arate(self, query: str, text: str) -> Answer[float | None]:
        return Answer(None if "nothing" in text else float(len(text)))


def test_a_text_without_a_rating_stands_below_and_no_score_is_invented() -> None:
    ranking = Rate(Grades())(Ranking.of("q", TEXTS))
    assert ranking.ids == ["2", "1", "0", "3"]
    assert ranking.scale == "order"
    assert [c.trail[-1].score for c in ranking] == [21.0, 16.0, 9.0, None]
    assert "missing" in {e.kind for e in ranking.events}


@pytest.mark.parametrize(
    "stage",
    [
        load("judge:m", options={"base_url": "http://localhost:1/v1", "api_key": KEY}),
        Order(
            ChatJudge(OpenAIChat("m", api_key=KEY), repairs=2, floor=0.5),
            TopDown(votes=3),
            budget=Budget(max_usd=0.1, prices=Prices(1, 2)),
        ),
        Rate(ChatJudge(OpenAIChat("m", api_key=KEY), rating="scale")),
    ],
    ids=["load", "order", "rate"],
)
def test_recipes_keep_everything_but_the_key(stage: Order) -> None:
    recipe = Recipe.of(stage)
    text = json.dumps(recipe.to_dict())
    assert "secret" not in text
    again = recipe.stage()
    assert repr(again) == repr(stage)
    assert Recipe.of(again) == recipe


def test_a_threshold_behind_a_judge_means_what_it_means_behind_a_model() -> None:
    words = load("bm25")
    judge = Order(FakeJudge(lambda q, t: FakeScorer().function(q, t), name="judge@1"))
    asked = [
        JudgedQuery.of("dogs bark", TEXTS, ["1"]),
        JudgedQuery.of("cat sat", TEXTS, ["2"]),
        JudgedQuery.of("cats", TEXTS, ["0"]),
    ] * 8
    honest = calibrated(words >> judge, asked).pipeline >> Threshold(0.5)
    ranking = honest(Ranking.of("dogs bark", TEXTS))
    assert ranking.scale == "probability"
    assert ranking.ids == ["1"]


def test_refine_with_a_judge_keeps_the_tail() -> None:
    texts: list[str | Candidate] = [Candidate("a", "x"), Candidate("b", "dogs"), *TEXTS]
    ranking = Refine(Order(FakeJudge()), 2)(Ranking.of("dogs", texts))
    assert ranking.ids[:2] == ["b", "a"]
    assert [c.text for c in ranking[2:]] == TEXTS


class Broken:
    """Loses one, whatever it is asked."""

    name = "broken"

    async def aorder(self, query: str, texts: Sequence[str]) -> Answer[Sequence[int]]:
        return Answer(range(len(texts) - 1))


def test_an_async_judge_that_loses_one_is_refused_and_not_believed() -> None:
    from secondpass import OrderError

    with pytest.raises(OrderError, match="not a permutation of 4 texts"):
        Order(Broken())(Ranking.of("q", TEXTS))
