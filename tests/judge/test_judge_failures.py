"""A judge that fails in the middle of a paid run, over a real socket: what was paid for is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("openai")

from secondpass import (
    Budget,
    ChatJudge,
    Compare,
    Event,
    Order,
    Ranking,
    Rate,
    SlidingWindow,
    TopDown,
)
from secondpass.judge import Answer, ChatError, CostEvent, Heapsort, Prices, SetwiseHeapsort, Usage
from secondpass.models.openai.client import OpenAIChat, judge
from secondpass.testing import ChatServer, FakeAsyncJudge, Fault

pytestmark = [pytest.mark.enable_socket, pytest.mark.filterwarnings("error")]


def worth(query: str, text: str) -> float:
    return int(text.rsplit(maxsplit=1)[-1]) / 100


def ranking(n: int, query: str = "q") -> Ranking:
    return Ranking.of(query, [f"text {i}" for i in range(n)])


def events(r: Ranking, kind: str) -> list[Event]:
    return [e for e in r.events if e.kind == kind]


def cost(r: Ranking) -> Any:
    (spent,) = [e.cost for e in r.events if isinstance(e, CostEvent)]
    return spent


@pytest.mark.parametrize(
    ("kind", "message"),
    [("half-json", "not a chat completion"), ("html", "base_url"), ("forbidden", "403")],
)
def test_one_bad_reply_ends_a_run_with_the_best_order_so_far(kind: Any, message: str) -> None:
    with ChatServer(worth) as server:
        healthy = judge("m", base_url=server.url)
        best = Order(healthy, SlidingWindow(10, 5), budget=Budget(max_calls=4))(ranking(60))
    budget = Budget(prices=Prices(1, 1))
    with ChatServer(worth, faults=[Fault(kind, after=4)]) as server:
        j = judge("m", base_url=server.url, max_retries=0)
        done = Order(j, SlidingWindow(10, 5), budget=budget)(ranking(60))
    assert done.ids == best.ids != ranking(60).ids
    (failed,) = events(done, "failed")
    assert "after 4 calls" in failed.message
    assert message in failed.message
    assert "best order so far" in failed.message
    assert (cost(done).calls, cost(done).prompt_tokens) == (4, cost(best).prompt_tokens)
    assert cost(done).usd > 0
    assert not events(done, "budget")


def test_one_unreadable_reply_costs_a_retry_and_nothing_else() -> None:
    with ChatServer(worth, faults=[Fault("half-json", times=1, after=4)]) as server:
        done = Order(judge("m", base_url=server.url), SlidingWindow(10, 5))(ranking(30))
        assert len(server.requests) == 6
    assert done.ids[0] == "29"
    assert not events(done, "failed")
    assert events(done, "retried")


def test_ratings_before_the_failure_are_used() -> None:
    with ChatServer(worth, faults=[Fault("forbidden", after=3)]) as server:
        done = Rate(judge("m", base_url=server.url), concurrency=1)(ranking(6))
    assert done.ids == ["2", "1", "0", "3", "4", "5"]
    assert events(done, "failed")
    assert cost(done).calls == 3


@pytest.mark.parametrize("kind", ["unauthorized", "forbidden", "html"])
def test_a_failure_before_anything_was_judged_is_an_error(kind: Any) -> None:
    with ChatServer(faults=[Fault(kind)]) as server:
        j = judge("m", base_url=server.url, max_retries=0)
        with pytest.raises(ChatError):
            Order(j).run([ranking(5), ranking(5)])


def test_a_failure_costs_the_other_rankings_of_a_run_nothing() -> None:
    with ChatServer(worth, faults=[Fault("forbidden", times=1, after=1)]) as server:
        stage = Order(judge("m", base_url=server.url), concurrency=1)
        done = stage.run([ranking(4, f"q{i}") for i in range(3)])
    failed = [r for r in done if events(r, "failed")]
    assert [r.ids for r in failed] == [["0", "1", "2", "3"]]
    assert [r.ids for r in done if r not in failed] == [["3", "2", "1", "0"]] * 2


async def test_where_asking_again_fails_the_answer_so_far_is_taken() -> None:
    faults = [Fault("say", times=1, text="Neither."), Fault("forbidden")]
    with ChatServer(worth, faults=faults) as server:
        j = judge("m", base_url=server.url)
        answer = await j.aorder("q", ["text 1", "text 2"])
        assert answer.value == (0, 1)
        assert [kind for kind, _ in answer.events] == ["no-schema", "failed", "fallback"]
        assert answer.usage.calls == 1
        await j.chat.aclose()  # type: ignore[attr-defined]


async def test_an_error_says_what_was_answered_before_it() -> None:
    texts = [f"text {i} " + "word " * 100 for i in range(8)]
    faults = [Fault("context", chars=3500), Fault("forbidden", after=3)]
    with ChatServer(faults=faults) as server:
        j = judge("m", base_url=server.url)
        with pytest.raises(ChatError) as caught:
            await j.aorder("q", texts)
        assert len(server.requests) == 4  # too long, two parts, and the failure
        assert caught.value.usage.calls == 2
        assert caught.value.usage.prompt_tokens > 100
        await j.chat.aclose()  # type: ignore[attr-defined]


def test_what_was_answered_before_an_error_is_in_the_cost() -> None:
    class Fails(FakeAsyncJudge):
        async def aorder(self, query: str, texts: Sequence[str]) -> Answer[Sequence[int]]:
            if len(self.calls) == 2:
                raise ChatError("gone", None, Usage(2, 30, 7))
            return await super().aorder(query, texts)

    done = Order(Fails(worth), SlidingWindow(4, 2))(ranking(12))
    assert cost(done).calls == 4
    assert cost(done).completion_tokens == 4 + 4 + 7
    assert "after 4 calls: gone" in events(done, "failed")[0].message


def test_a_failing_connection_is_a_failure_and_a_broken_promise_is_not() -> None:
    class Fails(FakeAsyncJudge):
        error: Exception = ConnectionError("reset")

        async def arate(self, query: str, text: str) -> Answer[float]:
            if len(self.calls) == 2:
                raise self.error
            return await super().arate(query, text)

    assert events(Rate(Fails(worth), concurrency=1)(ranking(5)), "failed")
    broken = Fails(worth)
    broken.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        Rate(broken, concurrency=1)(ranking(5))


@pytest.mark.parametrize(
    "make",
    [
        lambda j, b: Rate(j, budget=b),
        lambda j, b: Order(j, SlidingWindow(4, 2), budget=b),
        lambda j, b: Order(j, TopDown(4, 2), budget=b),
        lambda j, b: Order(j, SetwiseHeapsort(3, 3), budget=b),
        lambda j, b: Compare(j, budget=b),
        lambda j, b: Compare(j, Heapsort(3), budget=b),
    ],
    ids=range(6),
)
@pytest.mark.parametrize("text", ["The 2nd of them.", ""])
def test_no_repair_passes_max_calls(make: Any, text: str) -> None:
    with ChatServer(worth, faults=[Fault("say", text=text)]) as server:
        asked = 0
        chat = OpenAIChat("m", base_url=server.url)
        for repairs in (1, 2):
            for most in (1, 3, 4, 15):
                server.requests.clear()
                done = make(ChatJudge(chat, repairs=repairs), Budget(max_calls=most))(ranking(12))
                asked += len(server.requests)
                assert len(server.requests) <= most
                if server.requests:
                    assert cost(done).calls == len(server.requests)
                assert sorted(done.ids) == sorted(ranking(12).ids)
                assert events(done, "budget") or most == 15
        assert asked > 0


def test_parts_of_a_prompt_that_is_too_long_keep_to_max_calls() -> None:
    texts = [f"text {i} " + "word " * 100 for i in range(8)]
    with ChatServer(faults=[Fault("context", chars=3500)]) as server:
        done = Order(judge("m", base_url=server.url), budget=Budget(max_calls=2))(
            Ranking.of("q", texts)
        )
        assert cost(done).calls == 2
        assert len(server.requests) == 3  # one was refused as too long, which is not answered
    assert any("no call was left" in e.message for e in events(done, "budget"))
