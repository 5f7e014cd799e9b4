"""What answers where a stage fails: the next one (`Fallback`), nothing for a while (`Breaker`), or
a second request (`Hedge`)."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence

from secondpass.core.deadline import checked_seconds, ends_within, time_left
from secondpass.core.errors import InvalidInputError, ModelError
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Composite, Stage, StageSteps
from secondpass.core.within import Wrapper

FAILURES = (ModelError, OSError, TimeoutError)
"""What makes a stage give way to the next. Wrong input does not: the next would refuse it too."""


class CircuitOpenError(ModelError):
    """A `Breaker` rests its stage; nothing was asked."""


class Fallback(Composite):
    """The first stage that answers, and the order as it was where none does.

    A stage gives way to the next where it raises a `ModelError`, an OSError or a TimeoutError,
    where a `Breaker` rests it, and where a deadline ended before it had scored everything. For that
    a share of what is left of the deadline is kept from each stage for those after it, so that
    nested or equal timeouts cannot make a fallback unreachable. An event of the kind
    ``stage-failed`` says which stage answered instead and why, and `Ranking.status` is "fallback".

    Scores of different models are not on one scale: a fallback answers on its own, and a
    calibrator belongs inside, behind its model: ``Fallback(remote >> platt, load("builtin"))``.

    Args:
        stages: In the order in which they are tried.
        keep_order: Where all fail, give back what came in, in its order; else the last error is
            raised.
        reserve: Share of the time left that a stage leaves to those after it, in (0, 1).

    Raises:
        InvalidInputError: Nothing to fall back on, or a share out of range.
    """

    def __init__(self, *stages: Stage, keep_order: bool = True, reserve: float = 0.3) -> None:
        if not all(isinstance(stage, Stage) for stage in stages):
            raise InvalidInputError("a fallback is made of stages: Fallback(first, second)")
        if len(stages) + keep_order < 2:
            raise InvalidInputError("a fallback needs a second stage, or keep_order=True")
        if isinstance(reserve, bool) or not 0 < reserve < 1:
            raise InvalidInputError(f"reserve={reserve!r} must be a share between 0 and 1")
        self.stages, self.keep_order, self.reserve = stages, keep_order, float(reserve)
        self.name = f"Fallback({', '.join(stage.name for stage in stages)})"

    def flow(self, rankings: Sequence[Ranking]) -> StageSteps:
        failures: list[str] = []
        error: Exception | None = None
        partial: list[Ranking] | None = None
        for number, stage in enumerate(self.stages, start=1):
            left, last = time_left(), number == len(self.stages)
            share = None if left is None or last else left * (1 - self.reserve)
            try:
                with ends_within(share):
                    (results,) = yield [(stage, rankings)]
            except FAILURES as problem:
                error = problem
                failures.append(f"{stage.name} failed: {_line(problem)}")
                continue
            if not last and any(result.status == "partial" for result in results):
                partial = partial or results
                failures.append(f"{stage.name} did not end in time")
                continue
            return self._with_event(results, failures, stage.name)
        if partial is not None:
            return partial
        if not self.keep_order:
            assert error is not None
            raise error
        unscored = [
            r.rescored([None] * len(r), "raw", self.name, [{"unscored": True}] * len(r))
            for r in rankings
        ]
        return self._with_event(unscored, failures, "none; the order is as it came")

    def _with_event(
        self, results: Sequence[Ranking], failures: list[str], answered: str
    ) -> list[Ranking]:
        if not failures:
            return list(results)
        message = f"{'; '.join(failures)}. Answered by: {answered}"
        return [result.with_event(self.name, "stage-failed", message) for result in results]


class Breaker(Wrapper, Composite):
    """Rest a stage that keeps failing: after so many failures in a row it is not asked for a while.

    While it rests, `CircuitOpenError` is raised at once, which a `Fallback` around it takes as a
    failure. Then one call tries it; if that fails, it rests again. Its state belongs to this object
    and is shared by threads; it is not in recipes or pickles.

    Args:
        stage: What to protect.
        failures: In a row.
        rest: Seconds.
        clock: Seconds that only grow.

    Raises:
        InvalidInputError: `failures` is not a whole number of at least 1, or `rest` not positive.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        failures: int = 5,
        rest: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if isinstance(failures, bool) or not isinstance(failures, int) or failures < 1:
            raise InvalidInputError(f"failures={failures!r} must be a whole number of at least 1")
        self.stage, self.failures = stage, failures
        self.rest, self.clock = checked_seconds(rest, "rest"), clock
        self.name = stage.name
        self._circuit = _Circuit()

    @property
    def state(self) -> str:
        """ "closed" (it is asked), "open" (it rests) or "half-open" (the next call tries it)."""
        return self._circuit.state(self.clock())

    def flow(self, rankings: Sequence[Ranking]) -> StageSteps:
        wait = self._circuit.enter(self.clock())
        if wait > 0:
            raise CircuitOpenError(
                f"{self.name} failed {self.failures} times in a row and rests for {wait:.1f} s more"
            )
        failed = False
        try:
            (results,) = yield [(self.stage, rankings)]
            failed = any(_nothing_in_time(result) for result in results)
        except FAILURES:
            failed = True
            raise
        finally:
            self._circuit.leave(failed, self.failures, self.clock() + self.rest)
        return results


class _Circuit:
    """Failures in a row, and until when to rest; one lock for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed = 0
        self._until: float | None = None
        self._trying = False

    def __reduce__(self) -> tuple[type[_Circuit], tuple[()]]:
        return type(self), ()  # a copy has failed nothing yet

    def state(self, now: float) -> str:
        with self._lock:
            if self._until is None:
                return "closed"
            return "open" if now < self._until or self._trying else "half-open"

    def enter(self, now: float) -> float:
        """Seconds to wait; 0 where the stage may be asked."""
        with self._lock:
            if self._until is None:
                return 0.0
            if now < self._until or self._trying:
                return max(self._until - now, 0.1)
            self._trying = True
            return 0.0

    def leave(self, failed: bool, most: int, until: float) -> None:
        with self._lock:
            self._failed = self._failed + 1 if failed else 0
            self._until = until if self._failed >= most else None
            self._trying = False


class Hedge(Wrapper, Stage):
    """Ask again where the first answer is slow, and take what comes first. For network stages.

    Costs a second request for the share of calls that are slower than `after`; an event of the
    kind ``hedged`` says so. The other request is cancelled. An error of one waits for the other.

    Args:
        stage: Its requests must be safe to repeat, as scoring is.
        after: Seconds after which a second request is sent.
    """

    def __init__(self, stage: Stage, after: float) -> None:
        self.stage, self.after = stage, checked_seconds(after, "after")
        self.name = stage.name

    async def arun(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        tasks = [asyncio.ensure_future(self.stage.arun(rankings))]
        try:
            done, _ = await asyncio.wait(tasks, timeout=self.after)
            if done:
                return tasks[0].result()
            tasks.append(asyncio.ensure_future(self.stage.arun(rankings)))
            done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if pending and all(task.exception() for task in done):
                await asyncio.wait(pending)
            winner = next((t for t in tasks if t.done() and not t.exception()), tasks[0])
            results = winner.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        which = "first" if winner is tasks[0] else "second"
        message = f"no answer after {self.after:g} s, asked again; the {which} answer came first"
        return [result.with_event(self.name, "hedged", message) for result in results]


def _nothing_in_time(ranking: Ranking) -> bool:
    scored = any(c.trail and c.trail[-1].score is not None for c in ranking)
    return ranking.status == "partial" and not scored


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
