"""Run-time checks of scores, and depth from a budget of time. Clocks are given, none is read."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from secondpass import InvalidInputError, Ranking, Recipe, Score, Stage
from secondpass.stages.fallback import Fallback
from secondpass.stages.latency import Affordable, TopForLatency
from secondpass.stages.score_health import ScoreHealth, ScoreSketch, UnhealthyScoresError
from secondpass.testing import FakeScorer

TEXTS = [f"text number {i}" for i in range(20)]


class By:
    """A scorer made of a function of query and text."""

    def __init__(self, function: Callable[[str, str], float]) -> None:
        self.function, self.name = function, "by"

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [self.function(query, text) for query, text in pairs]


def checked(
    function: Callable[[str, str], float], health: ScoreHealth, queries: int = 1
) -> Ranking:
    stage = Score(By(function)) >> health
    for i in range(queries):
        result = stage(Ranking.of(f"query {i}", TEXTS))
    return result


def problems(ranking: Ranking) -> list[str]:
    return [event.message for event in ranking.events if event.kind == "unhealthy"]


def noise(query: str, text: str) -> float:
    seed = sum(map(ord, query)) * 1009 + int(text.rsplit(maxsplit=1)[-1])
    return float(np.random.default_rng(seed).normal())


def saturated(query: str, text: str) -> float:
    """A sigmoid in bfloat16: eight bits of precision, so that 0.998 is 1."""
    probability = 1 / (1 + np.exp(-(4 + 2 * noise(query, text))))
    return float(np.round(probability * 256) / 256)


def test_scores_as_they_should_be_pass_unchanged() -> None:
    result = checked(noise, ScoreHealth(), queries=50)
    assert result == checked(noise, ScoreHealth(), queries=50)
    assert problems(result) == []
    assert result.scale == "raw"


def test_all_equal() -> None:
    (problem,) = problems(checked(lambda _q, _t: 0.0, ScoreHealth()))
    assert problem == "all 20 texts have the score 0"


def test_equal_texts_may_have_equal_scores() -> None:
    result = (Score(By(lambda _q, _t: 1.0)) >> ScoreHealth())(Ranking.of("q", ["same"] * 9))
    assert problems(result) == []


def test_saturated_as_a_sigmoid_in_bfloat16() -> None:
    (problem,) = problems(checked(saturated, ScoreHealth()))
    assert "share the best score, 1: it is saturated" in problem


def test_blind_to_the_query() -> None:
    found = problems(checked(lambda _q, t: float(t[-1]) + len(t) / 7, ScoreHealth(), queries=3))
    assert any("does not depend on the query" in problem for problem in found)


def test_the_order_as_it_came() -> None:
    found = problems(
        checked(lambda q, t: -float(t.split()[-1]) - len(q), ScoreHealth(), queries=20)
    )
    assert any("the order of the last 20 queries is as it came" in problem for problem in found)


@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_drift_is_measured_against_the_sketch(shift: float) -> None:
    fitted = [Score(By(noise))(Ranking.of(f"other {i}", TEXTS)) for i in range(50)]
    health = ScoreHealth(ScoreSketch.of(fitted))
    found = problems(checked(lambda q, t: noise(q, t) + shift, health, queries=30))
    assert [problem for problem in found if "drifted" in problem] == found
    assert bool(found) == bool(shift)
    if shift:
        median = float(found[0].rpartition("shifted by ")[2])
        assert median == pytest.approx(shift, abs=0.3)


def test_a_sketch_is_the_distribution() -> None:
    fitted = [Score(By(noise))(Ranking.of(f"q {i}", TEXTS)) for i in range(50)]
    sketch = ScoreSketch.of(fitted)
    own = [score for ranking in fitted for score in ranking.scores]
    assert sketch.distance(own) < 0.02
    assert sketch.distance([score + 10 for score in own]) == pytest.approx(1.0)
    with pytest.raises(InvalidInputError, match="at least 100"):
        ScoreSketch.of(fitted[:2])


def test_it_can_refuse_and_a_fallback_answers() -> None:
    bad = Score(By(lambda _q, _t: 0.0)) >> ScoreHealth(refuse=True)
    with pytest.raises(UnhealthyScoresError, match="all 20 texts have the score 0"):
        bad(Ranking.of("q", TEXTS))
    assert Fallback(bad, Score(FakeScorer()))(Ranking.of("q", TEXTS)).status == "fallback"


def test_the_sketch_is_in_the_recipe_and_what_was_seen_is_not() -> None:
    fitted = [Score(By(noise))(Ranking.of(f"q {i}", TEXTS)) for i in range(50)]
    health = ScoreHealth(ScoreSketch.of(fitted), refuse=True)
    checked(noise, health, queries=5)
    data = json.loads(json.dumps(Recipe.of(health).to_dict()))
    again = Recipe.of_dict(data).stage()
    assert isinstance(again, ScoreHealth)
    assert again.sketch == health.sketch
    assert again.refuse
    assert isinstance(pickle.loads(pickle.dumps(health)), ScoreHealth)


class Timed(Stage):
    """A stage that takes so many seconds for a candidate, on a clock of its own."""

    def __init__(self, name: str, clock: list[float], seconds: float) -> None:
        self.name, self.clock, self.seconds, self.sizes = name, clock, seconds, list[int]()

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        count = sum(map(len, rankings))
        self.sizes.append(count)
        self.clock[0] += self.seconds * count
        return [r.rescored([float(i) for i in range(len(r))], "raw", self.name) for r in rankings]


def many(count: int = 100) -> Ranking:
    return Ranking.of("query", ["x" * 60] * count)


def test_as_many_are_reranked_as_fit() -> None:
    clock = [0.0]
    timed = Timed("timed", clock, 0.01)
    stage = TopForLatency(timed, 0.25, clock=lambda: clock[0])
    result = stage(many())
    assert timed.sizes == [8, 25]  # the trial, and what fits
    assert len(result) == 25
    assert result.scale == "raw"
    (event,) = result.events
    assert event.kind == "depth"
    assert event.message.startswith("25 of 100 candidates fit into 0.25 s")
    timed.seconds = 0.02  # the machine got busy
    stage(many())
    assert timed.sizes[2:] == [25]
    assert len(stage(many())) < 25


def test_the_bench_gives_the_first_estimate() -> None:
    clock = [0.0]
    timed = Timed("timed", clock, 0.01)
    stage = TopForLatency(timed, 0.25, first_estimate=40, clock=lambda: clock[0])
    assert len(stage(many())) == 10
    assert timed.sizes == [10]
    assert len(stage(many())) > 10  # it is faster than that


def test_rankings_share_the_time() -> None:
    clock = [0.0]
    stage = TopForLatency(Timed("t", clock, 0.01), 0.4, first_estimate=100, clock=lambda: clock[0])
    assert [len(r) for r in stage.run([many(), many()])] == [20, 20]
    assert [len(r) for r in stage.run([many(5)])] == [5]


def test_all_that_fit_make_no_event() -> None:
    clock = [0.0]
    stage = TopForLatency(Timed("t", clock, 0.001), 1.0, clock=lambda: clock[0])
    assert stage(many()).events == ()
    assert stage(Ranking.of("q", [])).ids == []


def test_the_pipeline_that_can_be_afforded() -> None:
    clock = [0.0]
    best, fast = Timed("best", clock, 0.01), Timed("fast", clock, 0.0001)
    stage = Affordable(best, fast, seconds=0.5, clock=lambda: clock[0])
    assert stage(many()).events == ()  # never run: it is tried, and takes a second
    second = stage(many())
    assert second.events[0].kind == "affordable"
    assert "fast was taken" in second.events[0].message
    assert stage(many(10)).events == ()
    assert (len(best.sizes), len(fast.sizes)) == (2, 1)


@pytest.mark.parametrize(
    "make",
    [
        lambda s: TopForLatency(s, 0),
        lambda s: TopForLatency(s, 1.0, first_estimate=-1),
        Affordable,
        lambda s: Affordable(s, s, seconds=float("nan")),
    ],
)
def test_arguments_that_cannot_be_used(make: Callable[[Stage], Stage]) -> None:
    with pytest.raises(InvalidInputError):
        make(Score(FakeScorer()))
