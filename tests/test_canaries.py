"""Pairs with known scores, against a provider that changes its model underneath."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

pytest.importorskip("httpx2")

from secondpass import InvalidInputError, Ranking, Recipe, RecipeError, Stage, Top
from secondpass.models.remote import RemoteError, RemoteReranker
from secondpass.stages import Fallback, ScoreCanaries, ScoreHealth, UnhealthyScoresError
from secondpass.testing import RerankServer

pytestmark = pytest.mark.enable_socket
TEXTS = [" ".join(["read", "a", "file", "line", "by", "line"][:n]) for n in range(1, 7)]
QUERY = "read a file line by line"
Model = Callable[[str, str], float]


def old(query: str, text: str) -> float:
    return len(set(query.split()) & set(text.split())) / 10


def new(query: str, text: str) -> float:
    """What a provider's next model says: the same order, and all scores higher."""
    return 0.5 + old(query, text)


class Provider(RerankServer):
    """Whose model is replaced while it runs."""

    model: Model = staticmethod(old)

    def __init__(self) -> None:
        super().__init__(self.relevance_now)

    def relevance_now(self, query: str, text: str) -> float:
        return self.model(query, text)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as server:
        yield server


@pytest.fixture
def hosted(provider: Provider) -> RemoteReranker:
    return RemoteReranker("vllm", "m", url=provider.url, max_retries=0)


@pytest.fixture
def canaries(hosted: Stage) -> ScoreCanaries:
    return ScoreCanaries.of(hosted.run([Ranking.of(f"{QUERY} {i}", TEXTS) for i in range(3)]), 8)


def unhealthy(ranking: Ranking) -> list[str]:
    return [event.message for event in ranking.events if event.kind == "unhealthy"]


def test_they_go_from_the_lowest_score_to_the_highest(canaries: ScoreCanaries) -> None:
    assert len(canaries.scores) == 8
    assert canaries.scores[0] == 0.1
    assert canaries.scores[-1] == 0.5
    assert list(canaries.scores) == sorted(canaries.scores)
    assert canaries.tolerance == pytest.approx(0.4 / 50)


def test_a_model_that_is_replaced_is_an_event_with_the_shift_until_it_is_back(
    provider: Provider, hosted: Stage, canaries: ScoreCanaries
) -> None:
    health = ScoreHealth(canaries=canaries)
    watched = hosted >> health
    same = health.check_canaries(hosted)
    assert (same.changed, same.pairs, same.lost, same.largest) == (False, 8, 0, 0.0)
    assert "are what they were, within 0.008" in str(same)
    assert unhealthy(watched(Ranking.of(QUERY, TEXTS))) == []
    provider.model = new
    assert unhealthy(watched(Ranking.of(QUERY, TEXTS))) == []  # nobody has looked yet
    shift = health.check_canaries(hosted)
    assert shift.changed
    assert shift.median == pytest.approx(0.5)
    (message,) = unhealthy(watched(Ranking.of(QUERY, TEXTS)))
    assert message == str(shift)
    assert "8 canary pairs have shifted by +0.5 (median) and up to +0.5" in message
    provider.model = old
    health.check_canaries(hosted)
    assert unhealthy(watched(Ranking.of(QUERY, TEXTS))) == []


def test_it_may_refuse_so_that_a_fallback_answers(
    provider: Provider, hosted: Stage, canaries: ScoreCanaries
) -> None:
    health = ScoreHealth(canaries=canaries, refuse=True)
    provider.model = new
    health.check_canaries(hosted)
    with pytest.raises(UnhealthyScoresError, match=r"shifted by \+0.5"):
        (hosted >> health)(Ranking.of(QUERY, TEXTS))
    kept = Fallback(hosted >> health, keep_order=True)(Ranking.of(QUERY, TEXTS))
    assert kept.indices == list(range(6))


def test_one_pair_that_shifts_is_enough_and_noise_is_not(
    provider: Provider, hosted: Stage, canaries: ScoreCanaries
) -> None:
    provider.model = lambda query, text: old(query, text) + 0.004
    assert not canaries.scored_again(hosted).changed
    provider.model = lambda query, text: old(query, text) - 0.2 * (text == "read")
    shift = canaries.scored_again(hosted)
    assert shift.changed
    assert (shift.median, shift.largest) == (0.0, pytest.approx(-0.2))


def test_they_are_in_the_recipe_and_its_bounds_hold(
    provider: Provider, hosted: Stage, canaries: ScoreCanaries
) -> None:
    tree = json.loads(json.dumps(Recipe.of(ScoreHealth(canaries=canaries)).to_dict()))
    again = Recipe.of_dict(tree).stage()
    assert isinstance(again, ScoreHealth)
    assert again.canaries == canaries
    provider.model = new
    assert again.check_canaries(hosted).changed
    tree["pipeline"]["canaries"]["tolerance"] = -1
    with pytest.raises(RecipeError, match="tolerance"):
        Recipe.of_dict(tree).stage()


def test_a_server_that_is_down_is_no_drift(provider: Provider, hosted: Stage) -> None:
    canaries = ScoreCanaries(("q",), ("t",), (1.0,), 0.1)
    health = ScoreHealth(canaries=canaries)
    dead = RemoteReranker("vllm", "m", url="http://127.0.0.1:9", max_retries=0)
    with pytest.raises(RemoteError):
        health.check_canaries(dead)
    assert unhealthy(health(hosted(Ranking.of(QUERY, TEXTS)))) == []
    unscored = canaries.scored_again(Top(1))
    assert unscored.changed
    assert str(unscored) == "none of 1 canary pairs was scored"


def test_what_cannot_be_canaries(hosted: Stage) -> None:
    ranking = hosted(Ranking.of(QUERY, TEXTS))
    for rankings, size in (([], 5), ([Ranking.of(QUERY, TEXTS)], 5), ([ranking], 1)):
        with pytest.raises(InvalidInputError, match="two different scores"):
            ScoreCanaries.of(rankings, size)
    with pytest.raises(InvalidInputError, match="2 queries, 1 texts, 1 scores"):
        ScoreCanaries(("a", "b"), ("t",), (1.0,), 0.1)
    with pytest.raises(InvalidInputError, match="tolerance=-1"):
        ScoreCanaries(("a",), ("t",), (1.0,), -1)
    with pytest.raises(InvalidInputError, match="ScoreHealth\\(canaries="):
        ScoreHealth().check_canaries(hosted)
