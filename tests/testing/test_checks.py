"""The conformance kit fails on what it should fail on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from secondpass import Candidate, OrderError, Ranking, ScoreError, Stage
from secondpass.testing import (
    FakeComparer,
    FakeJudge,
    FakeScorer,
    check_comparer,
    check_judge,
    check_scorer,
    check_stage,
)


class Listwise(FakeScorer):
    """Scores depend on the batch, as with min-max per result set."""

    def score(self, pairs):  # type: ignore[no-untyped-def]
        scores = super().score(pairs)
        return [s - max(scores) for s in scores]


def test_a_scorer_that_depends_on_its_batch() -> None:
    with pytest.raises(AssertionError, match="law 7"):
        check_scorer(Listwise())


def test_a_cache_key_that_is_no_string() -> None:
    class Keyed(FakeScorer):
        cache_key = 7

    with pytest.raises(AssertionError, match="cache_key is a string, not 7"):
        check_scorer(Keyed())


def test_a_scorer_that_loses_one_or_invents_nan() -> None:
    short = FakeScorer()
    short.score = lambda pairs: [1.0] * (len(pairs) - 1)  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match="scores for"):
        check_scorer(short)
    with pytest.raises(AssertionError, match="finite"):
        check_scorer(FakeScorer(lambda q, t: math.nan))


def test_a_scorer_without_a_name() -> None:
    with pytest.raises(AssertionError, match="name"):
        check_scorer(FakeScorer(name=""))


def test_a_comparer_outside_0_1() -> None:
    wrong = FakeComparer()
    wrong.compare = lambda query, pairs: [2.0] * len(pairs)  # type: ignore[method-assign]
    with pytest.raises((AssertionError, ScoreError)):
        check_comparer(wrong)


def test_a_judge_that_drops() -> None:
    wrong = FakeJudge()
    wrong.order = lambda query, texts: [0]  # type: ignore[method-assign]
    with pytest.raises((AssertionError, OrderError)):
        check_judge(wrong)


class Rebuilds(Stage):
    """Makes each candidate anew and forgets a field."""

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        return [
            Ranking(
                r.query,
                tuple(Candidate(c.id, c.text, c.metadata, None, c.payload, c.trail) for c in r),
                events=r.events,
            )
            for r in rankings
        ]


def test_a_stage_that_forgets_where_candidates_stood() -> None:
    with pytest.raises(AssertionError, match="law 1: the position of"):
        check_stage(Rebuilds())
