"""One deadline for a whole call, and what stands in for what fails. No test measures a time: what
is slow waits for the deadline itself, and clocks are given."""

from __future__ import annotations

import asyncio
import math
import pickle
import threading
import time
from collections.abc import Sequence

import pytest

from secondpass import (
    Calibrate,
    InvalidInputError,
    Pipeline,
    Platt,
    Ranking,
    Rate,
    Recipe,
    Score,
    Stage,
    Threshold,
    Top,
    rerank,
)
from secondpass.core.deadline import ends_within, time_left
from secondpass.core.errors import ModelError, NotCalibratedError
from secondpass.core.event import Note
from secondpass.judge.budget import Budget
from secondpass.stages.fallback import Breaker, CircuitOpenError, Fallback, Hedge
from secondpass.stages.in_time import Pace, batch_size, score_in_time
from secondpass.testing import FakeAsyncJudge, FakeScorer, overlap

QUERY = "read a file line by line"
TEXTS = ["cats", "a dog", "read a file line by line", "read a file", "the museum", "a line"]
NEVER = 3600.0


def ranking() -> Ranking:
    return Ranking.of(QUERY, TEXTS)


def wait_until_over() -> None:
    """Compute until the deadline of the call has passed, as a slow model does."""
    while time_left() != 0:
        time.sleep(0.001)


class SlowAfter:
    """A scorer that scores some pairs at once and then takes longer than any deadline."""

    name = "slow-after"

    def __init__(self, quick: int) -> None:
        self.quick, self.seen = quick, 0

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        self.seen += len(pairs)
        if self.seen > self.quick:
            wait_until_over()
        return [overlap(query, text) for query, text in pairs]


class Failing(Stage):
    name = "failing"

    def __init__(self, error: Exception | None = None, times: float = math.inf) -> None:
        self.error, self.times, self.calls = error or ModelError("it is broken"), times, 0

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return [r.reordered(range(len(r) - 1, -1, -1), self.name) for r in rankings]


class Hanging(Stage):
    """A network stage that never answers, and counts what runs on behind."""

    name = "hanging"

    def __init__(self, hangs: float = math.inf) -> None:
        self.hangs, self.calls, self.running = hangs, 0, 0

    async def arun(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        self.calls += 1
        if self.calls > self.hangs:
            return [r.reordered(range(len(r) - 1, -1, -1), self.name) for r in rankings]
        self.running += 1
        try:
            async with asyncio.timeout(time_left()):
                await asyncio.sleep(NEVER)
        finally:
            self.running -= 1
        raise AssertionError


def test_what_was_scored_in_time_stands_above_the_rest() -> None:
    stage = Score(SlowAfter(quick=3)).within(1.0)
    result = stage(ranking())
    assert result.status == "partial"
    assert result.scale == "order"
    scored = [c.id for c in result if c.trail[-1].score is not None]
    assert result.ids[: len(scored)] == scored
    assert scored[0] == "2"
    assert sorted(result.ids) == sorted(ranking().ids)
    tail = result.ids[len(scored) :]
    assert tail == sorted(tail)  # as they came
    (event,) = result.events
    assert event.kind == "deadline"
    assert f"{len(scored)} of 6" in event.message


def test_enough_time_changes_nothing() -> None:
    plain, timed = Score(FakeScorer()), Score(FakeScorer()).within(NEVER)
    assert timed(ranking()) == plain(ranking())
    assert timed(ranking()).status == "complete"
    assert timed.run([ranking(), Ranking.of("a dog", TEXTS[:2])]) == plain.run(
        [ranking(), Ranking.of("a dog", TEXTS[:2])]
    )


def test_nothing_is_asked_after_the_deadline() -> None:
    scorer = SlowAfter(quick=100)
    with ends_within(-1):
        result = Score(scorer)(ranking())
    assert scorer.seen == 0
    assert result.ids == ranking().ids
    assert result.status == "partial"


def test_the_first_candidates_of_all_rankings_come_first() -> None:
    scorer = SlowAfter(quick=3)
    rankings = [ranking(), ranking(), ranking(), ranking()]
    with ends_within(1.0):
        results = Score(scorer).run(rankings)
    counts = [sum(c.trail[-1].score is not None for c in r) for r in results]
    assert max(counts) - min(counts) <= 1
    assert sum(counts) >= 4


def test_later_stages_work_on_what_was_scored() -> None:
    slow = Score(SlowAfter(quick=3))
    pipeline = slow >> Calibrate(Platt(1.0, -2.0), slow.name) >> Threshold(0.5) >> Top(4)
    with ends_within(1.0):
        result = pipeline(ranking())
    assert result.status == "partial"
    assert len(result) == 4
    below = [c for c in result if c.trail[-1].note.get("unscored")]
    kept = [c for c in result if not c.trail[-1].note.get("unscored")]
    assert [*kept, *below] == list(result)
    assert all((c.trail[-1].score or 0) >= 0.5 for c in kept)
    assert below  # a threshold does not drop what it cannot judge


@pytest.mark.parametrize("inside", ["within", "fallback"])
def test_stages_behind_a_deadline_know_the_scale_of_what_was_scored(inside: str) -> None:
    slow = Score(SlowAfter(quick=3))
    calibrated = slow >> Calibrate(Platt(1.0, -2.0), slow.name)
    model = calibrated if inside == "within" else Fallback(calibrated, Failing(), reserve=0.5)
    result = (model.within(1.0) >> Threshold(0.5))(ranking())
    assert result.status == "partial"
    late = [c.id for c in result if c.trail[-1].note.get("unscored")]
    assert late == ["4", "5"]
    assert [c.id for c in result if c.id not in late] == ["2", "3"]


def test_an_earlier_deadline_stays_and_a_later_one_does_not_extend_it() -> None:
    assert time_left() is None
    with ends_within(NEVER):
        outer = time_left()
        assert outer is not None
        with ends_within(2 * NEVER):
            assert (time_left() or 0) <= outer
        with ends_within(1.0):
            assert (time_left() or 0) <= 1.0
        assert (time_left() or 0) > 1.0
    assert time_left() is None


def test_it_crosses_threads_loops_and_await() -> None:
    seen: list[float | None] = []

    class Computes(Stage):
        def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
            seen.append(time_left())
            return list(rankings)

    class Waits(Stage):
        async def arun(self, rankings: Sequence[Ranking]) -> list[Ranking]:
            await asyncio.sleep(0)
            seen.append(time_left())
            return list(rankings)

    stage = (Computes() >> Waits()).within(NEVER)
    stage(ranking())
    asyncio.run(stage.acall(ranking()))
    assert len(seen) == 4
    assert None not in seen
    assert time_left() is None


def test_rerank_takes_a_deadline() -> None:
    result = rerank(QUERY, TEXTS, model=Score(SlowAfter(quick=3)), top_k=3, deadline=1.0)
    assert result.status == "partial"
    assert result.ids[0] == "2"
    assert len(result) == 3
    assert rerank(QUERY, TEXTS, model=Score(FakeScorer()), deadline=NEVER).status == "complete"


@pytest.mark.parametrize("deadline", [0, -1, math.nan, math.inf, True, "0.2"])
def test_a_deadline_that_is_none(deadline: float) -> None:
    with pytest.raises(InvalidInputError, match=r"deadline=.* must be positive seconds"):
        rerank(QUERY, TEXTS, model=Score(FakeScorer()), deadline=deadline)
    with pytest.raises(InvalidInputError, match=r"seconds=.* must be positive seconds"):
        Score(FakeScorer()).within(deadline)


def test_judges_end_with_the_call() -> None:
    class Slow(FakeAsyncJudge):
        async def arate(self, query: str, text: str):  # type: ignore[no-untyped-def]
            if text == TEXTS[4]:
                await asyncio.sleep(NEVER)
            return await super().arate(query, text)

    result = Rate(Slow(), concurrency=1).within(1.0)(ranking())
    assert result.status == "partial"
    assert result.ids[-2:] == ["4", "5"]
    assert [e.kind for e in result.events if e.kind in ("deadline", "budget")] == ["deadline"]
    own = Rate(Slow(), concurrency=1, budget=Budget(deadline=1.0))(ranking())
    assert own.status == "complete"  # its own limit, as asked for
    assert "budget" in [e.kind for e in own.events]


def test_pace_learns_and_fits() -> None:
    pace = Pace()
    assert pace.fitting([100] * 50, 1.0) == 4
    pace.measured(1000, 1.0)
    assert pace.fitting([100] * 50, 1.0) == 10
    assert pace.fitting([100] * 5, 1.0) == 5
    assert pace.fitting([2000], 1.0) == 0
    pace.measured(3000, 1.0)
    assert pace.rate == 2000


def test_a_batch_is_sized_to_what_is_left() -> None:
    pace = Pace()
    costs = [100] * 1000
    assert batch_size(costs, 1.0, pace) == 4  # nothing is known yet
    pace.measured(10_000, 1.0)  # a hundred pairs per second
    assert batch_size(costs, 1.0, pace) == 50  # half of the time, so that the next can correct
    assert batch_size(costs[:50], 1.0, pace) == 50  # all of them, if they fit easily
    assert batch_size(costs, 0.02, pace) == 1
    assert batch_size(costs, 0.012, pace) == 1  # half the time is too short, all of it is not
    assert batch_size(costs, 0.009, pace) == 0


def test_scores_end_where_the_time_does() -> None:
    sizes: list[int] = []

    def score(pairs: Sequence[tuple[str, str]]) -> tuple[list[float], list[Note]]:
        sizes.append(len(pairs))
        wait_until_over()
        return [0.0] * len(pairs), [{} for _ in pairs]

    with ends_within(1.0):
        scores, notes = score_in_time(score, [("q", "t")] * 1000, Pace())
    assert sizes == [4]
    assert [score is not None for score in scores] == [True] * 4 + [False] * 996
    assert [bool(note.get("unscored")) for note in notes] == [False] * 4 + [True] * 996


def test_the_next_stage_answers_where_one_fails() -> None:
    stage = Fallback(Failing(), Score(FakeScorer()))
    result = stage(ranking())
    assert result.scale == "raw"
    assert result.status == "fallback"
    (event,) = result.events
    assert event.kind == "stage-failed"
    assert "failing failed: it is broken" in event.message
    assert "Answered by: fake" in event.message
    assert Fallback(Score(FakeScorer()), Failing())(ranking()).status == "complete"


@pytest.mark.parametrize(
    "error", [ModelError("x"), OSError("x"), TimeoutError(), ConnectionError()]
)
def test_failures_give_way_and_wrong_input_does_not(error: Exception) -> None:
    assert Fallback(Failing(error), Score(FakeScorer()))(ranking()).status == "fallback"
    with pytest.raises(NotCalibratedError):
        Fallback(Failing(NotCalibratedError("x")), Score(FakeScorer()))(ranking())


def test_the_last_resort_is_the_order_as_it_was_and_no_threshold_empties_it() -> None:
    stage = Fallback(Failing(), Failing()) >> Threshold(0.9) >> Top(3)
    result = stage(ranking())
    assert result.ids == ["0", "1", "2"]
    assert result.status == "fallback"
    assert "the order is as it came" in result.events[0].message
    with pytest.raises(ModelError, match="it is broken"):
        Fallback(Failing(), Failing(), keep_order=False)(ranking())


def test_a_share_of_the_deadline_is_kept_for_the_fallback() -> None:
    """Inner and outer limits of five seconds each made a fallback unreachable elsewhere."""
    hanging = Hanging()
    stage = Fallback(Fallback(hanging, hanging, keep_order=False), Score(FakeScorer()))
    result = stage.within(2.0)(ranking())
    assert result.status == "fallback"
    assert result.scale == "raw"
    assert hanging.calls == 2
    assert hanging.running == 0


def test_a_stage_that_stands_twice_leaves_time_for_the_second() -> None:
    left: list[float] = []

    class Counts(Stage):
        def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
            left.append(time_left() or 0.0)
            raise ModelError("it is broken")

    stage = Counts()
    Fallback(stage, stage).within(NEVER)(ranking())
    assert left[0] == pytest.approx(0.7 * NEVER, rel=0.01)
    assert left[1] == pytest.approx(NEVER, rel=0.01)


def test_a_partial_answer_gives_way_too_and_is_kept_where_nothing_is_better() -> None:
    slow = Score(SlowAfter(quick=3))
    assert Fallback(slow, Score(FakeScorer())).within(1.0)(ranking()).status == "fallback"
    both = Fallback(Score(SlowAfter(quick=3)), Failing()).within(1.0)(ranking())
    assert both.status == "partial"
    assert both.ids[0] == "2"


def test_each_model_keeps_its_own_scale() -> None:
    calibrated = Pipeline(Score(FakeScorer()), Calibrate(Platt(1.0, -2.0), FakeScorer().name))
    assert Fallback(Failing(), calibrated)(ranking()).scale == "probability"
    assert Fallback(Failing(), calibrated[:1])(ranking()).scale == "raw"


def test_a_breaker_rests_a_failing_stage() -> None:
    now = 0.0
    failing = Failing(times=4)
    breaker = Breaker(failing, failures=3, rest=10, clock=lambda: now)
    for _ in range(3):
        assert breaker.state == "closed"
        with pytest.raises(ModelError, match="it is broken"):
            breaker(ranking())
    assert breaker.state == "open"
    with pytest.raises(CircuitOpenError, match=r"rests for 10\.0 s"):
        breaker(ranking())
    assert failing.calls == 3
    now = 11.0
    assert breaker.state == "half-open"
    with pytest.raises(ModelError, match="it is broken"):
        breaker(ranking())
    assert breaker.state == "open"
    now = 22.0
    assert breaker(ranking()).ids == ["5", "4", "3", "2", "1", "0"]
    assert breaker.state == "closed"
    assert Fallback(breaker, Score(FakeScorer()))(ranking()).status == "complete"


def test_an_open_breaker_costs_a_fallback_nothing() -> None:
    failing = Failing()
    stage = Fallback(Breaker(failing, failures=1, rest=NEVER), Score(FakeScorer()))
    for _ in range(5):
        assert stage(ranking()).status == "fallback"
    assert failing.calls == 1


def test_one_call_tries_a_resting_stage_while_others_still_fail() -> None:
    now = 0.0
    entered, leave = threading.Event(), threading.Event()

    class Slow(Failing):
        def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
            if self.calls:
                entered.set()
                leave.wait(NEVER)
            return super().run(rankings)

    breaker = Breaker(Slow(times=1), failures=1, rest=10, clock=lambda: now)
    with pytest.raises(ModelError):
        breaker(ranking())
    now = 11.0
    trial = threading.Thread(target=breaker, args=(ranking(),))
    trial.start()
    entered.wait(NEVER)
    with pytest.raises(CircuitOpenError):
        breaker(ranking())
    leave.set()
    trial.join()
    assert breaker.state == "closed"


def test_wrong_input_is_no_failure_of_the_stage() -> None:
    breaker = Breaker(Failing(NotCalibratedError("x")), failures=1)
    with pytest.raises(NotCalibratedError):
        breaker(ranking())
    assert breaker.state == "closed"


def test_a_hedge_takes_the_answer_that_comes_first() -> None:
    hanging = Hanging(hangs=1)
    result = Hedge(hanging, after=0.01)(ranking())
    assert result.ids[0] == "5"
    assert [event.kind for event in result.events] == ["hedged"]
    assert hanging.calls == 2
    assert hanging.running == 0
    quick = Hedge(Score(FakeScorer()), after=NEVER)(ranking())
    assert quick.events == ()


def test_a_hedge_raises_only_where_both_fail() -> None:
    failing = Failing()
    with pytest.raises(ModelError):
        Hedge(failing, after=NEVER)(ranking())


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Fallback(keep_order=False), "needs a second stage"),
        (lambda: Fallback(Failing(), keep_order=False), "needs a second stage"),
        (lambda: Fallback("builtin"), "made of stages"),  # type: ignore[arg-type]
        (lambda: Fallback(Failing(), reserve=1.0), "reserve=1.0"),
        (lambda: Breaker(Failing(), failures=0), "failures=0"),
        (lambda: Breaker(Failing(), rest=0), "rest=0"),
        (lambda: Hedge(Failing(), after=-1), "after=-1"),
    ],
)
def test_arguments_that_cannot_be_used(make: object, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        make()  # type: ignore[operator]


def test_they_go_into_recipes_and_pickles() -> None:
    from secondpass import BM25

    bm25 = Score(BM25())
    stage = Fallback(Breaker(bm25, failures=2), Hedge(bm25, after=0.5), reserve=0.4).within(2.0)
    again = Recipe.of_dict(Recipe.of(stage).to_dict()).stage()
    assert again.name == stage.name
    assert Recipe.of(again) == Recipe.of(stage)
    assert again(ranking()).ids == stage(ranking()).ids
    assert pickle.loads(pickle.dumps(stage))(ranking()).ids == stage(ranking()).ids
