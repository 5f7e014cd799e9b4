"""Calls run concurrently up to a limit, and none is left running."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from secondpass import Compare, Order, Ranking, Rate, SlidingWindow
from secondpass.judge import AllPairs, Answer, Tournament
from secondpass.testing import FakeAsyncJudge

MakeStage = Callable[..., Any]


def number(query: str, text: str) -> float:
    return float(text) if text.isdigit() else 0.0


def ranking(n: int, query: str = "q") -> Ranking:
    return Ranking.of(query, [str(i) for i in range(n)])


def test_calls_of_windows_comparisons_and_queries_share_the_concurrency() -> None:
    for stage_of, most in (
        (lambda j, c: Order(j, Tournament(4, 1), concurrency=c), 8),
        (lambda j, c: Compare(j, AllPairs(), concurrency=c), 8),
        (lambda j, c: Rate(j, concurrency=c), 8),
        (lambda j, c: Order(j, SlidingWindow(4, 2), concurrency=c), 6),  # six queries
    ):
        for concurrency in (1, 3, 8):
            judge = FakeAsyncJudge(number)
            stage_of(judge, concurrency).run([ranking(32, f"q{i}") for i in range(6)])
            assert judge.most_in_flight == min(concurrency, most)
    judge = FakeAsyncJudge(number)
    Order(judge, Tournament(4, 1), concurrency=5)(ranking(32))
    assert judge.most_in_flight == 5, "the windows of one query too"


async def test_cancelling_leaves_nothing_running(make_stage: MakeStage) -> None:
    judge = FakeAsyncJudge(number, latency=30.0)
    running = asyncio.ensure_future(make_stage(judge).arun([ranking(40), ranking(40)]))
    while judge.in_flight < 2:
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert judge.in_flight == 0
    assert judge.cancelled == len(judge.calls)
    assert len(asyncio.all_tasks()) == 1


async def test_one_failure_ends_all_and_is_raised_by_itself() -> None:
    class Refused(Exception):
        pass

    class Fails(FakeAsyncJudge):
        async def aorder(self, query: str, texts: Sequence[str]) -> Answer[Sequence[int]]:
            if query == "bad":
                raise Refused
            return await super().aorder(query, texts)

    judge = Fails(number, latency=30.0)
    with pytest.raises(Refused):
        await Order(judge).arun([ranking(30), ranking(30, "bad"), ranking(30)])
    assert judge.in_flight == 0
    assert len(asyncio.all_tasks()) == 1


async def test_it_works_inside_a_running_loop_sync_and_async() -> None:
    stage = Order(FakeAsyncJudge(number), SlidingWindow(4, 2))
    assert stage(ranking(9)).ids == (await stage.acall(ranking(9))).ids
