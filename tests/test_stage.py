from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Sequence

import pytest

from secondpass import InvalidInputError, Pipeline, Ranking, Refine, Score, Stage, Top
from secondpass.testing import FakeScorer

DOCS = ["cats purr", "dogs bark loudly", "the cat sat with dogs", "nothing here"]
RANKING = Ranking.of("dogs bark", DOCS)


class Waits(Stage):
    """Written in the network's colour: each call waits until `together` of them have met."""

    name = "waits"

    def __init__(self, together: int = 1) -> None:
        self.meeting = asyncio.Barrier(together)
        self.threads: set[str] = set()

    async def arun(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        self.threads.add(threading.current_thread().name)
        await self.meeting.wait()
        return [r.reordered(range(len(r))[::-1], by=self.name) for r in rankings]


def test_a_pipeline_is_a_value() -> None:
    pipeline = Score(FakeScorer()) >> Top(3) >> Top(2)
    assert repr(pipeline) == "fake-scorer >> Top(3) >> Top(2)"
    assert repr(pipeline[:2]) == "fake-scorer >> Top(3)"
    assert [repr(s) for s in pipeline] == ["fake-scorer", "Top(3)", "Top(2)"]
    assert pipeline(RANKING).ids == ["1", "2"]
    assert RANKING.ids == ["0", "1", "2", "3"]


def test_pipelines_nest_flat() -> None:
    a, b, c = Top(3), Top(2), Top(1)
    assert len((a >> b) >> c) == len(a >> (b >> c)) == 3


@pytest.mark.parametrize("wrong", ["builtin", 3, None])
def test_what_is_no_stage_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidInputError, match="made of stages"):
        Pipeline(Top(1), wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Top(1) >> wrong  # type: ignore[operator]
    with pytest.raises(InvalidInputError, match="at least one"):
        Pipeline()


def test_a_stage_must_write_one_of_its_methods() -> None:
    with pytest.raises(TypeError, match="must write run or arun"):
        type("Nothing", (Stage,), {})


def test_run_is_derived_from_arun_on_a_private_loop() -> None:
    stage = Waits()
    assert stage(RANKING).ids == ["3", "2", "1", "0"]
    assert stage.threads == {"secondpass-loop"}


async def test_run_works_inside_a_running_loop_as_in_a_notebook() -> None:
    assert Waits()(RANKING).ids == ["3", "2", "1", "0"]


async def test_arun_of_a_computing_stage_does_not_block_the_loop() -> None:
    here = threading.current_thread()
    seen: list[threading.Thread] = []
    scorer = FakeScorer(lambda q, t: seen.append(threading.current_thread()) or 1.0)
    await Score(scorer).acall(RANKING)
    assert here not in seen


async def test_a_waiting_stage_runs_on_the_callers_loop_and_overlaps() -> None:
    stage = Waits(together=10)
    pipeline = Score(FakeScorer()) >> stage
    async with asyncio.timeout(60):  # ends a hang; proves nothing
        await asyncio.gather(*(pipeline.acall(RANKING) for _ in range(10)))
    assert stage.threads == {threading.current_thread().name}


async def test_context_variables_reach_the_stage_in_both_colours() -> None:
    request = contextvars.ContextVar("request", default="none")
    seen: list[str] = []
    scorer = FakeScorer(lambda q, t: seen.append(request.get()) or 1.0)
    request.set("r1")
    await Score(scorer).acall(RANKING)
    Score(scorer)(RANKING)
    assert set(seen) == {"r1"}


def test_an_error_in_either_colour_arrives_as_itself() -> None:
    def broken(query: str, text: str) -> float:
        raise ZeroDivisionError

    pipeline = Refine(Score(FakeScorer(broken)), 2) >> Top(1)
    with pytest.raises(ZeroDivisionError):
        pipeline(RANKING)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(pipeline.acall(RANKING))


def test_an_error_keeps_its_cause() -> None:
    def broken(query: str, text: str) -> float:
        raise ZeroDivisionError from KeyError("why")

    with pytest.raises(ZeroDivisionError) as caught:
        asyncio.run((Score(FakeScorer(broken)) >> Top(1)).acall(RANKING))
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_stage_that_would_wait_for_itself_says_so() -> None:
    class Blocks(Stage):
        name = "blocks"

        async def arun(self, rankings: Sequence[Ranking]) -> list[Ranking]:
            return Waits().run(rankings)

    with pytest.raises(RuntimeError, match="await"):
        Blocks()(RANKING)


def test_cancelling_leaves_nothing_running() -> None:
    ended: list[str] = []
    started = asyncio.Event()

    class Hangs(Stage):
        name = "hangs"

        async def arun(self, rankings: Sequence[Ranking]) -> list[Ranking]:
            started.set()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise
            return list(rankings)

    async def main() -> None:
        task = asyncio.create_task((Hangs() >> Top(1)).acall(RANKING))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert ended == ["cancelled"]


def test_many_queries_are_one_batch() -> None:
    scorer = FakeScorer()
    rankings = [Ranking.of("a", DOCS), Ranking.of("b", DOCS[:2]), Ranking.of("c", [])]
    (Score(scorer) >> Top(1)).run(rankings)
    assert [len(pairs) for pairs in scorer.calls] == [6]


def test_the_parts_of_a_stage_and_a_pipeline_without_its_last_one() -> None:
    score, top = Score(FakeScorer()), Top(3)
    pipeline = score >> top
    assert score.parts == (score,)
    assert pipeline.parts == (score, top)
    assert repr(pipeline.without_last(Top)) == "fake-scorer"
    assert pipeline.without_last(Score) is pipeline
    assert top.without_last(Top) is top
