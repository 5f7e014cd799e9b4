"""Cuts: the threshold first, then the number; zero is a number; time is one budget."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from secondpass.core.deadline import time_left
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage
from secondpass.stages.order import Order
from secondpass.stages.score import Pair, Score
from secondpass.testing.adapter_kit.adapter import (
    QUERY,
    TEXTS,
    Adapter,
    details,
    needs,
    probable,
    raw,
    refused,
)
from secondpass.testing.doubles import FakeJudge


class CutTests(Adapter):
    """`top`, `threshold`, `keep_at_least` and `deadline`."""

    @needs("top")
    def test_all_are_ranked_before_the_rest_is_cut_off(self) -> None:
        (best,) = self.rerank(self.given(), model=raw(), **{self.top: 1})
        assert best.text == TEXTS[3], "the last one in is the best"

    @needs("top")
    def test_more_than_there_are_keeps_all_and_none_keeps_all(self) -> None:
        for top in (len(TEXTS), len(TEXTS) + 1, 10**9, None):
            assert len(self.rerank(self.given(), model=raw(), **{self.top: top})) == len(TEXTS)
        assert len(self.rerank(self.given(), model=raw())) == len(TEXTS), "no default cuts"

    @needs("top")
    def test_zero_is_not_taken_for_not_given(self) -> None:
        if self.least_top == 0:
            assert self.rerank(self.given(), model=raw(), **{self.top: 0}) == []
        else:
            refused(
                lambda: self.rerank(self.given(), model=raw(), **{self.top: 0}),
                self.top,
                because=f"{self.top}=0 was taken for no limit",
            )

    @needs("threshold")
    def test_a_threshold_of_zero_is_not_taken_for_none(self) -> None:
        refused(
            lambda: self.rerank(self.given(), model=raw(), threshold=0.0),
            because="threshold=0.0 was taken for no threshold",
        )

    @needs("threshold")
    def test_a_threshold_may_leave_nothing(self) -> None:
        assert self.rerank(self.given(), model=probable(), threshold=0.999) == []

    @needs("threshold")
    def test_the_threshold_is_met_by_probabilities_only(self) -> None:
        """A number that meets a logit, or a score that a judge never gave, means nothing."""
        for model, word in ((raw(), "calibrated"), (Order(FakeJudge()), "score")):
            refused(
                partial(self.rerank, self.given(), model=model, threshold=0.5),
                word,
                because="a threshold on P(relevant) was compared with something else",
            )

    @needs("threshold", "top")
    def test_the_threshold_comes_before_the_cut(self) -> None:
        done = self.rerank(self.given(), model=probable(), threshold=0.5, **{self.top: 1})
        assert [d.text for d in done] == [TEXTS[3]]
        if self.has("metadata"):
            (event,) = details(done[0])["events"]
            assert event["kind"] == "dropped"
            assert event["message"].startswith("2 of 4 dropped"), "all four met the threshold"

    @needs("threshold", "keep_at_least")
    def test_keep_at_least_keeps_the_best_and_says_so(self) -> None:
        done = self.rerank(self.given(), model=probable(), threshold=0.999, keep_at_least=1)
        assert [d.text for d in done] == [TEXTS[3]]
        if self.has("metadata"):
            assert "kept-below-threshold" in {e["kind"] for e in details(done[0])["events"]}
        refused(
            lambda: self.make(model=probable(), keep_at_least=1),
            "keep_at_least", "threshold",
            because="keep_at_least without a threshold does nothing, and was taken",
        )  # fmt: skip

    @needs("deadline")
    def test_when_time_is_up_the_best_order_so_far_comes_back(self) -> None:
        model = _UntilTimeIsUp() >> Score(_Never())
        done = self.rerank(self.given(), model=model, deadline=0.05)
        assert [d.text for d in done] == list(TEXTS)
        if self.has("metadata"):
            assert {details(d)["status"] for d in done} == {"partial"}
            assert "deadline" in {e["kind"] for e in details(done[0])["events"]}

    @needs("deadline")
    def test_a_later_call_has_all_its_time(self) -> None:
        reranker = self.make(model=raw(), deadline=600.0)
        for _ in range(2):
            done = self.read(self.run(reranker, QUERY, self.documents(self.given())))
            assert done[0].text == TEXTS[3]


class _UntilTimeIsUp(Stage):
    """Passes rankings on when the deadline is over."""

    name = "until-time-is-up"

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        while time_left() != 0:
            time.sleep(0.001)
        return list(rankings)


class _Never:
    """A scorer that is not reached in time."""

    name = "never"

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        raise AssertionError("nothing was to be scored any more")
