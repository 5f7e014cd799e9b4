from __future__ import annotations

import math
from pathlib import Path

import pytest

from secondpass import (
    Calibrate,
    Candidate,
    InvalidInputError,
    NotCalibratedError,
    Platt,
    Recipe,
    Score,
    UnknownModelError,
    arerank,
    load,
    rerank,
)
from secondpass.testing import FakeScorer

DOCS = ["cats purr", "dogs bark loudly", "the cat sat with dogs", "nothing here"]
FAKE = Score(FakeScorer())
PROBABLE = FAKE >> Calibrate(Platt(1.0, -1.5), "fake-scorer")


def test_any_stage_and_a_cut() -> None:
    assert rerank("dogs bark", DOCS, model=FAKE, top_k=2).ids == ["1", "2"]


def test_the_threshold_comes_before_the_cut_and_may_leave_nothing() -> None:
    ranking = rerank("how do cats communicate", DOCS, threshold=0.999)
    assert len(ranking) == 0
    assert ranking.events[-1].kind == "dropped"
    assert len(rerank("what do dogs do", DOCS, threshold=0.0, top_k=1)) == 1


def test_candidates_keep_what_is_theirs() -> None:
    payload = object()
    docs = [Candidate("a", "cats"), Candidate("b", "dogs", {"k": 1}, 0.3, payload)]
    best = rerank("dogs", docs, model=FAKE)[0]
    assert (best.id, best.metadata, best.payload) == ("b", {"k": 1}, payload)
    assert best.trail[0].score == 0.3


def test_a_generator_of_texts_and_repeated_texts() -> None:
    assert len(rerank("dogs", (d for d in [*DOCS, *DOCS]), model=FAKE)) == 8


def test_wrong_calls_say_what_is_wrong() -> None:
    with pytest.raises(InvalidInputError, match="non-empty"):
        rerank("", DOCS, model=FAKE)
    with pytest.raises(InvalidInputError, match="document 1 is None"):
        rerank("q", ["a", None], model=FAKE)  # type: ignore[list-item]
    with pytest.raises(InvalidInputError, match="pass a list"):
        rerank("q", "text", model=FAKE)
    with pytest.raises(InvalidInputError, match="top_k=-1: give a whole number"):
        rerank("q", DOCS, model=FAKE, top_k=-1)
    with pytest.raises(InvalidInputError, match="the threshold nan is not a probability"):
        rerank("q", DOCS, model=FAKE, threshold=math.nan)
    with pytest.raises(NotCalibratedError, match="calibrated"):
        rerank("q", DOCS, model=FAKE, threshold=0.5)
    with pytest.raises(UnknownModelError):
        rerank("q", DOCS, model="gpt")
    with pytest.raises(InvalidInputError, match=r"Score\(your_scorer\)"):
        rerank("q", DOCS, model=FakeScorer())  # type: ignore[arg-type]


def test_no_documents_is_a_legal_question() -> None:
    assert rerank("q", []).ids == []


def test_some_stay_whatever_the_threshold_says() -> None:
    ranking = rerank("dogs bark", DOCS, model=PROBABLE, threshold=0.99, keep_at_least=1)
    assert ranking.ids == ["1"]
    assert [e.kind for e in ranking.events] == ["kept-below-threshold", "dropped"]
    with pytest.raises(InvalidInputError, match="give threshold= too"):
        rerank("dogs", DOCS, model=PROBABLE, keep_at_least=1)
    with pytest.raises(InvalidInputError, match="keep_at_least=-1"):
        rerank("dogs", DOCS, model=PROBABLE, threshold=0.5, keep_at_least=-1)


def test_several_queries_over_the_same_documents_or_each_over_its_own() -> None:
    queries = ["dogs bark", "cats purr"]
    same = rerank(queries, (d for d in DOCS), model=FAKE, top_k=1)
    assert [r.query for r in same] == queries
    assert [r.ids for r in same] == [["1"], ["0"]]
    own = rerank(tuple(queries), [["cats", "dogs"], ["dogs", "rats", "cats"]], model=FAKE)
    assert [r.indices for r in own] == [[1, 0], [2, 0, 1]]
    assert rerank(queries, [], model=FAKE)[1].ids == []
    assert rerank([], DOCS, model=FAKE) == []
    with pytest.raises(InvalidInputError, match="2 queries and 1 lists"):
        rerank(queries, [DOCS], model=FAKE)
    with pytest.raises(InvalidInputError, match="docs is dict"):
        rerank(queries, {"a": "b"}, model=FAKE)
    with pytest.raises(InvalidInputError, match="non-empty"):
        rerank(["dogs", ""], DOCS, model=FAKE)


async def test_it_can_be_awaited() -> None:
    ranking = await arerank("dogs bark", DOCS, model=PROBABLE, threshold=0.5, top_k=2)
    assert ranking == rerank("dogs bark", DOCS, model=PROBABLE, threshold=0.5, top_k=2)
    both = await arerank(["dogs", "cats"], DOCS, model=FAKE)
    assert both == rerank(["dogs", "cats"], DOCS, model=FAKE)
    assert (await arerank("how do dogs sound?", DOCS, top_k=1)).ids == ["1"]


def test_what_names_a_stage_elsewhere_names_one_here(tmp_path: Path) -> None:
    Recipe.of(load("builtin")).save(tmp_path / "reranker.json")
    ranking = rerank("dogs bark", DOCS, model=tmp_path / "reranker.json")
    assert ranking.scores == rerank("dogs bark", DOCS).scores
