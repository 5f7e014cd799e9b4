"""Deadlines: calls in flight are cancelled, and finished rounds are kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from secondpass import Budget, Event, Order, Ranking, SlidingWindow
from secondpass.judge import Answer, Tournament
from secondpass.testing import FakeAsyncJudge, FakeJudge

MakeStage = Callable[..., Any]


def number(query: str, text: str) -> float:
    return float(text) if text.isdigit() else 0.0


def ranking(n: int, query: str = "q") -> Ranking:
    return Ranking.of(query, [str(i) for i in range(n)])


def events(r: Ranking, kind: str) -> list[Event]:
    return [e for e in r.events if e.kind == kind]


def test_a_deadline_cancels_what_is_in_flight(
    make_stage: MakeStage, skipping: asyncio.Runner
) -> None:
    judge = FakeAsyncJudge(number, latency=30.0)
    stage = make_stage(judge, budget=Budget(deadline=0.05), concurrency=3)

    async def run() -> Ranking:
        done: Ranking = await stage.acall(ranking(40))
        assert len(asyncio.all_tasks()) == 1
        return done

    done = skipping.run(run())
    assert skipping.get_loop().time() == pytest.approx(0.05)
    assert "deadline of 0.05 seconds" in events(done, "budget")[0].message
    assert done.ids == ranking(40).ids
    assert judge.calls
    assert (judge.in_flight, judge.cancelled) == (0, len(judge.calls))


def test_a_deadline_keeps_the_rounds_that_were_finished(skipping: asyncio.Runner) -> None:
    class SlowAtTheThird(FakeAsyncJudge):
        async def aorder(self, query: str, texts: Sequence[str]) -> Answer[Sequence[int]]:
            self.latency = 30.0 if len(self.calls) == 2 else 0.0
            return await super().aorder(query, texts)

    judge = SlowAtTheThird(number)
    stage = Order(judge, SlidingWindow(4, 2), budget=Budget(deadline=0.2))
    done = skipping.run(stage.acall(ranking(12)))
    assert done.ids == ["0", "1", "2", "3", "4", "5", "11", "10", "7", "6", "9", "8"]
    assert len(judge.calls) == 3


async def test_the_judges_own_timeout_is_no_deadline() -> None:
    class Slow(FakeAsyncJudge):
        async def aorder(self, query: str, texts: Sequence[str]) -> Answer[Sequence[int]]:
            raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        await Order(Slow(), budget=Budget(deadline=30)).acall(ranking(3))


def test_a_sync_judge_is_asked_one_at_a_time_and_has_its_deadline_between_calls(
    skipping: asyncio.Runner,
) -> None:
    loop: Any = skipping.get_loop()

    class Slow(FakeJudge):
        open = most = 0

        def order(self, query: str, texts: Sequence[str]) -> list[int]:
            self.open += 1
            self.most = max(self.most, self.open)
            time.sleep(0.002)  # lets another call begin, if one may
            loop.now += 0.02
            self.open -= 1
            return super().order(query, texts)

    judge = Slow(number)
    skipping.run(Order(judge, Tournament(4, 1)).arun([ranking(16), ranking(16)]))
    assert judge.most == 1
    judge.calls.clear()
    stage = Order(judge, SlidingWindow(4, 2), budget=Budget(deadline=0.05))
    done = skipping.run(stage.acall(ranking(60)))
    assert len(judge.calls) == 3
    assert "deadline" in events(done, "budget")[0].message
    assert done.ids.index("59") == 52, "three windows, each two further up"
