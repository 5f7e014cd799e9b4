from __future__ import annotations

import math

import pytest

from secondpass import (
    Candidate,
    InvalidInputError,
    NotCalibratedError,
    Score,
    UnknownModelError,
    rerank,
)
from secondpass.testing import FakeScorer

DOCS = ["cats purr", "dogs bark loudly", "the cat sat with dogs", "nothing here"]
FAKE = Score(FakeScorer())


def test_any_stage_and_a_cut() -> None:
    assert rerank("dogs bark", DOCS, model=FAKE, top_k=2).ids == ["1", "2"]


def test_the_threshold_comes_before_the_cut_and_may_leave_nothing() -> None:
    ranking = rerank("how do cats communicate", DOCS, at_least=0.999)
    assert len(ranking) == 0
    assert ranking.events[-1].kind == "dropped"
    assert len(rerank("what do dogs do", DOCS, at_least=0.0, top_k=1)) == 1


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
    with pytest.raises(InvalidInputError, match="whole number"):
        rerank("q", DOCS, model=FAKE, top_k=-1)
    with pytest.raises(InvalidInputError, match="not a probability"):
        rerank("q", DOCS, model=FAKE, at_least=math.nan)
    with pytest.raises(NotCalibratedError, match="calibrated"):
        rerank("q", DOCS, model=FAKE, at_least=0.5)
    with pytest.raises(UnknownModelError):
        rerank("q", DOCS, model="gpt")
    with pytest.raises(InvalidInputError, match=r"Score\(your_scorer\)"):
        rerank("q", DOCS, model=FakeScorer())  # type: ignore[arg-type]


def test_no_documents_is_a_legal_question() -> None:
    assert rerank("q", []).ids == []
