"""The cross-encoder form: one float per pair, in the order in which the pairs came."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_secondpass import SecondPassCrossEncoder

from secondpass import (
    InvalidInputError,
    NoScoresError,
    Order,
    Ranking,
    Score,
    ScoreError,
    Stage,
    Threshold,
    Top,
    WrongCallError,
)
from secondpass.stages import Pair
from secondpass.testing import FakeJudge, FakeScorer

PAIRS = [("a b", "c"), ("b c", "b c"), ("a b", "a b"), ("a b", "a"), ("b c", "c"), ("a b", "a")]


def test_scores_come_back_in_the_order_of_the_pairs(raw: Stage) -> None:
    encoder = SecondPassCrossEncoder(raw)
    assert isinstance(encoder, BaseCrossEncoder)
    assert encoder.score(PAIRS) == [0.0, 2.0, 2.0, 1.0, 1.0, 1.0]
    assert encoder.score([list(p) for p in PAIRS]) == encoder.score(PAIRS)  # type: ignore[misc]


def test_all_queries_go_to_the_model_at_once() -> None:
    scorer = FakeScorer()
    SecondPassCrossEncoder(Score(scorer)).score(PAIRS)
    assert [len(call) for call in scorer.calls] == [len(PAIRS)]


def test_each_query_is_a_ranking_of_its_own() -> None:
    seen: list[tuple[str, int]] = []

    class Listwise(Stage):
        name = "listwise"

        def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
            seen.extend((r.query, len(r)) for r in rankings)
            return [r.rescored([1.0] * len(r), "raw", by=self.name) for r in rankings]

    SecondPassCrossEncoder(Listwise()).score(PAIRS)
    assert seen == [("a b", 4), ("b c", 2)]


def test_probabilities(probable: Callable[..., Stage]) -> None:
    low, high = SecondPassCrossEncoder(probable()).score([("a b c d", "x"), ("a b c d",) * 2])
    assert 0 < low < 0.5 < high < 1


def test_no_pairs_no_scores(raw: Stage) -> None:
    assert SecondPassCrossEncoder(raw).score([]) == []


def test_numpy_floats_become_python_floats() -> None:
    class Numpy(FakeScorer):
        def score(self, pairs: Sequence[Pair]) -> list[float]:
            return list(np.asarray(super().score(pairs), dtype=np.float32))

    scores = SecondPassCrossEncoder(Score(Numpy())).score(PAIRS)
    assert all(type(s) is float for s in scores)
    json.dumps(scores)


def test_one_shot_map_object(raw: Stage) -> None:
    """HuggingFaceCrossEncoder.score returns a map object, which is empty when read again."""
    scores = SecondPassCrossEncoder(raw).score(PAIRS)
    assert type(scores) is list
    assert list(scores) == list(scores) != []


def test_pairs_may_be_an_iterator(raw: Stage) -> None:
    assert SecondPassCrossEncoder(raw).score(p for p in PAIRS) == [  # type: ignore[arg-type]
        0.0, 2.0, 2.0, 1.0, 1.0, 1.0,
    ]  # fmt: skip


def test_nan_is_an_error() -> None:
    stage = Score(FakeScorer(lambda q, t: float("nan")))
    with pytest.raises(ScoreError, match="finite"):
        SecondPassCrossEncoder(stage).score(PAIRS)


def test_a_stage_that_cuts_is_an_error(raw: Stage, probable: Callable[..., Stage]) -> None:
    for stage in (raw >> Top(1), raw >> Top(0), probable() >> Threshold(0.9)):
        with pytest.raises(InvalidInputError, match="kept"):
            SecondPassCrossEncoder(stage).score(PAIRS)


def test_a_stage_that_only_orders_is_an_error() -> None:
    with pytest.raises(NoScoresError, match="only an order"):
        SecondPassCrossEncoder(Order(FakeJudge())).score(PAIRS)


def test_an_empty_query_is_an_error(raw: Stage) -> None:
    with pytest.raises(InvalidInputError, match="non-empty"):
        SecondPassCrossEncoder(raw).score([("", "text")])


@pytest.mark.parametrize(
    ("keyword", "answer"),
    [("model_name", "it is called 'model' here"), ("device", 'options={"device": ...}')],
)
def test_keywords_of_other_cross_encoders_are_answered_with_ours(keyword: str, answer: str) -> None:
    with pytest.raises(WrongCallError) as caught:
        SecondPassCrossEncoder(**{keyword: "cpu"})
    assert f"no keyword {keyword!r}; " in str(caught.value)
    assert answer in str(caught.value)
