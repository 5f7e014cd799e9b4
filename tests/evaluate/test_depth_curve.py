from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest

from secondpass import (
    Candidate,
    InvalidInputError,
    Judge,
    Order,
    Ranking,
    Score,
    Stage,
    Threshold,
    load,
)
from secondpass.evaluate import Collection, FrameworkRetriever, depth_curve
from secondpass.evaluate._two_stage_cost import reranked_heads
from secondpass.testing import FakeJudge, FakeScorer


class Clock:
    """Each look costs what the scorer has read since the last, one second a pair."""

    def __init__(self, scorer: FakeScorer) -> None:
        self.scorer = scorer

    def __call__(self) -> float:
        return float(sum(map(len, self.scorer.calls)))


def test_quality_time_and_knee(plants: Collection) -> None:
    scorer = FakeScorer()
    curve = depth_curve(
        Score(scorer), plants, depths=(2, 8, 6, 50), clock=Clock(scorer), timed=3, repeats=2
    )
    assert [p.depth for p in curve.points] == [2, 6, 8]
    assert [p.p50 for p in curve.points] == [p.p95 for p in curve.points] == [2, 6, 8]
    assert curve.points[0].quality == curve.first_stage
    assert curve.points[-1].quality == 1
    assert curve.knee == curve.points[-1]
    assert curve.notes == ("the collection has 8 candidates per query, so 8 stands for 50",)
    # once for all depths of quality, once to warm up, and then for the times
    assert len(scorer.calls) == 1 + 1 + 2 * 3 * 3
    assert "The knee is at depth 8: nDCG@10 1.000" in str(curve)
    first_half = depth_curve(
        Score(scorer), plants, depths=(6, 8), clock=Clock(scorer), share=0.1, timed=1
    )
    assert first_half.knee == first_half.points[0]
    assert "depth 8 takes 1.3 times as long" in first_half.sentence


def test_no_gain_has_no_knee(plants: Collection) -> None:
    same = depth_curve(Score(FakeScorer(lambda q, t: 0.0)), plants, depths=(4,), timed=1, repeats=1)
    assert same.knee is None
    assert "does not raise nDCG@10 at any depth" in same.sentence
    assert (same.points[0].low, same.points[0].high) == (0, 0)


def test_slices_of_one_run_are_what_runs_at_each_depth_give(plants: Collection) -> None:
    stage = Score(FakeScorer(lambda q, t: float(sum(map(ord, q + t)) % 5)))
    assert stage.pointwise
    sliced = reranked_heads(stage, plants, [0, 1, 3, 8])
    for k, topic in itertools.product((0, 1, 3, 8), plants):
        whole = topic.ranking
        expected = [*stage(whole.head(k)).ids, *whole.ids[k:]]
        assert sliced[k][plants.topics.index(topic)].ids == expected


def test_judges_run_at_each_depth(plants: Collection) -> None:
    judge = FakeJudge()
    assert isinstance(judge, Judge)
    assert not Order(judge).pointwise
    assert not load("bm25").pointwise
    assert not (Score(FakeScorer()) >> Threshold(1, scale="raw")).pointwise
    assert load("builtin").pointwise

    class Longest(Stage):
        pointwise = True

        def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
            return [r.rescored([float(len(c.text)) for c in r], "raw", self.name) for r in rankings]

    assert (Longest() >> Longest()).pointwise
    heads = reranked_heads(Order(judge), plants.head(1), [0, 4, 8])
    assert sorted(map(len, judge.calls)) == [4, 8]
    assert heads[0][0].ids == plants[0].ranking.ids
    assert heads[8][0].ids[0] in plants[0].relevant()


def test_wrong_input(plants: Collection) -> None:
    stage = Score(FakeScorer())
    for depths in ((), (0, 5)):
        with pytest.raises(InvalidInputError, match="depth"):
            depth_curve(stage, plants, depths)
    with pytest.raises(InvalidInputError, match="share=2"):
        depth_curve(stage, plants, share=2)

    class Finds:
        def invoke(self, query: str) -> list[object]:
            return []

    with pytest.raises(InvalidInputError, match="brings its own candidates"):
        depth_curve(FrameworkRetriever(Finds()), plants)
    empty = plants.reordered([Ranking.of(r.query, []) for r in plants.rankings], "empty")
    with pytest.raises(InvalidInputError, match="no depth to measure"):
        depth_curve(stage, empty)


def test_the_drawing(plants: Collection, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    curve = depth_curve(Score(FakeScorer()), plants, depths=(4, 8), timed=1, repeats=1)
    figure = curve.figure()
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["nDCG@10", "first stage", "p50", "p95", "knee: 8"]
    figure.savefig(tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 5000


def test_uneven_lists() -> None:
    from secondpass.evaluate import Topic

    topics = tuple(
        Topic(str(n), Ranking.of("q", [Candidate(str(i), f"q {i}") for i in range(n)]), {"0": 1})
        for n in (1, 3, 0)
    )
    curve = depth_curve(
        Score(FakeScorer()), Collection("c", topics), depths=(2, 3), timed=3, repeats=1
    )
    assert curve.first_stage == pytest.approx(2 / 3)
