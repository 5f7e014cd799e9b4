"""A stage turns rankings into rankings. `a >> b` runs a, then b. That is the only operator.

A stage writes one of three methods, in its own colour, and gets the others:

* `run` computes (a local model, arithmetic); its `arun` is `run` in a worker thread.
* `arun` waits on the network; its `run` is `arun` on a private event loop in another thread,
  which works inside a running loop too, as in a notebook.
* `flow` only arranges other stages, and says which to run next; they run in their own colours.
"""

from __future__ import annotations

import asyncio
import threading
from abc import ABC
from collections.abc import Coroutine, Generator, Iterator, Sequence
from typing import Any, NoReturn, TypeVar, overload

from secondpass.core.call_hints import refuse_pipe, takes_one_ranking
from secondpass.core.errors import InvalidInputError
from secondpass.core.ranking import Ranking
from secondpass.core.task_group import gather_or_cancel

T = TypeVar("T")
Step = tuple["Stage", Sequence[Ranking]]
StageSteps = Generator[Sequence[Step], list[list[Ranking]], list[Ranking]]
"""Yields stages to run, side by side where they are several, and is sent what they made."""


class Stage(ABC):
    """Rankings in, rankings out, many queries at once so that a model can batch across them.

    Attributes:
        name: What the trail and the repr call it, with the revision of its model.
    """

    name: str

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.run is Stage.run and cls.arun is Stage.arun:
            raise TypeError(f"{cls.__name__} must write run or arun")
        if not hasattr(cls, "name"):
            cls.name = cls.__name__

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        """Rank many queries.

        Args:
            rankings: Any number, each for its own query.

        Returns:
            One ranking for each that came in, in the same order.
        """
        return _on_private_loop(self.arun(rankings))

    async def arun(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        """Like `run`, without blocking the event loop."""
        return await asyncio.to_thread(self.run, rankings)

    @takes_one_ranking
    def __call__(self, ranking: Ranking) -> Ranking:
        """Rank one query.

        Raises:
            WrongCallError: Anything but one ranking.
        """
        return self.run([ranking])[0]

    @takes_one_ranking
    async def acall(self, ranking: Ranking) -> Ranking:
        """Rank one query without blocking the event loop."""
        return (await self.arun([ranking]))[0]

    @property
    def origin(self) -> str | None:
        """Name of the stage whose scores leave here; None where scores just pass through."""
        return self.name

    def check_origin(self, origin: str) -> None:
        """Raise if this stage cannot work on the scores of the stage named `origin`."""
        return

    def __rshift__(self, then: Stage) -> Pipeline:
        if not isinstance(then, Stage):
            return NotImplemented
        return Pipeline(self, then)

    def __or__(self, other: object) -> NoReturn:
        refuse_pipe(self.name)

    def __ror__(self, other: object) -> NoReturn:
        refuse_pipe(self.name)

    def __repr__(self) -> str:
        return self.name


class Composite(Stage):
    """A stage made of other stages: it writes `flow`, and never waits or computes by itself."""

    def flow(self, rankings: Sequence[Ranking]) -> StageSteps:
        """Yield what to run next, receive what it made, return the result."""
        raise NotImplementedError

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        flow = self.flow(rankings)
        try:
            steps = next(flow)
            while True:
                results = []
                for stage, given in steps:  # a comprehension is a frame more before Python 3.12
                    results.append(stage.run(given))
                steps = flow.send(results)
        except StopIteration as done:
            return list(done.value)

    async def arun(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        flow = self.flow(rankings)
        try:
            steps = next(flow)
            while True:
                steps = flow.send(
                    await gather_or_cancel(stage.arun(given) for stage, given in steps)
                )
        except StopIteration as done:
            return list(done.value)


class Pipeline(Composite, Sequence[Stage]):
    """Stages one after another. It is a value: print it, slice it, extend it with `>>`.

    Raises:
        InvalidInputError: No stage, or something that is not one.
        CalibrationError: A calibrator stands behind a model that it was not fitted on.
    """

    def __init__(self, *stages: Stage) -> None:
        flat: list[Stage] = []
        for s in stages:
            if not isinstance(s, Stage):
                raise InvalidInputError(
                    f"a pipeline is made of stages, and {s!r} is none; "
                    "load('backend:name') or Score(your_scorer) makes one"
                )
            flat.extend(s.stages if isinstance(s, Pipeline) else (s,))
        if not flat:
            raise InvalidInputError("a pipeline needs at least one stage")
        self.stages: tuple[Stage, ...] = tuple(flat)
        self.name = " >> ".join(s.name for s in self.stages)
        origin: str | None = None
        for s in self.stages:
            if origin is not None:
                s.check_origin(origin)
            origin = s.origin or origin

    def flow(self, rankings: Sequence[Ranking]) -> StageSteps:
        current = list(rankings)
        for stage in self.stages:
            (current,) = yield [(stage, current)]
        return current

    @property
    def origin(self) -> str | None:
        return next((s.origin for s in reversed(self.stages) if s.origin), None)

    def check_origin(self, origin: str) -> None:
        for s in self.stages:
            s.check_origin(origin)
            if s.origin:
                return

    @overload
    def __getitem__(self, index: int) -> Stage: ...
    @overload
    def __getitem__(self, index: slice) -> Pipeline: ...
    def __getitem__(self, index: int | slice) -> Stage:
        return Pipeline(*self.stages[index]) if isinstance(index, slice) else self.stages[index]

    def __len__(self) -> int:
        return len(self.stages)

    def __iter__(self) -> Iterator[Stage]:
        return iter(self.stages)


class _PrivateLoop:
    """One event loop in one daemon thread, made when first needed."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(
            target=self.loop.run_forever, name="secondpass-loop", daemon=True
        )
        self.thread.start()


_lock = threading.Lock()
_private: _PrivateLoop | None = None


def _on_private_loop(work: Coroutine[Any, Any, T]) -> T:
    global _private
    with _lock:
        if _private is None or not _private.thread.is_alive():  # a fork keeps no threads
            _private = _PrivateLoop()
    if threading.current_thread() is _private.thread:
        work.close()
        raise RuntimeError("this would wait for itself: inside a stage's arun, await acall or arun")
    future = asyncio.run_coroutine_threadsafe(work, _private.loop)
    try:
        return future.result()
    except BaseException:
        future.cancel()  # an interrupt leaves nothing running behind it
        raise
