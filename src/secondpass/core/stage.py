"""A stage turns rankings into rankings. `a >> b` runs a, then b. That is the only operator.

A stage writes one of three methods, in its own colour, and gets the others:

* `run` computes (a local model, arithmetic); its `arun` is `run` in a worker thread.
* `arun` waits on the network; its `run` is `arun` on a private event loop in another thread,
  which works inside a running loop too, as in a notebook.
* `flow` only arranges other stages, and says which to run next; they run in their own colours.
"""

from __future__ import annotations

import asyncio
from abc import ABC
from collections.abc import Generator, Iterator, Sequence
from typing import NoReturn, overload

from secondpass.core.call_hints import refuse_pipe, takes_one_ranking
from secondpass.core.errors import InvalidInputError, shown
from secondpass.core.event_loop import gather_or_cancel, run_on_private_loop
from secondpass.core.partial import Partial
from secondpass.core.ranking import Ranking
from secondpass.core.watch import wrap_if_watched

Step = tuple["Stage", Sequence[Ranking]]
StageSteps = Generator[Sequence[Step], list[list[Ranking]], list[Ranking]]
"""Yields stages to run, side by side where they are several, and is sent their results."""


class Stage(ABC):
    """Rankings in, rankings out, many queries at once so that a model can batch across them.

    Attributes:
        name: What the trail and the repr call it, with the revision of its model.
        reads_scores: Whether it needs the scores of the stage before. One that does not also gets
            the candidates that were not scored in time.
    """

    name: str
    reads_scores: bool = True

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.run is Stage.run and cls.arun is Stage.arun:
            raise TypeError(f"{cls.__name__} must write run or arun")
        if not hasattr(cls, "name"):
            cls.name = cls.__name__
        wrap_if_watched(cls)

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        """Rank many queries.

        Args:
            rankings: Any number, each for its own query.

        Returns:
            One ranking for each that came in, in the same order.
        """
        return run_on_private_loop(self.arun(rankings))

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

    @property
    def pointwise(self) -> bool:
        """Whether it scores every candidate and no score depends on the other candidates.

        Then the order of the first k follows from one run on all. A stage of your own may say so:
        ``pointwise = True``.
        """
        return False

    def check_origin(self, origin: str) -> None:
        """Raise if this stage cannot work on the scores of the stage named `origin`."""
        return

    def within(self, seconds: float) -> Stage:
        """This stage with a deadline; see `secondpass.stages.Within`."""
        from secondpass.core.within import Within

        return Within(self, seconds)

    @property
    def parts(self) -> tuple[Stage, ...]:
        """The stages that run one after another: those of a pipeline, or only this one."""
        return (self,)

    def without_last(self, kind: type[Stage]) -> Stage:
        """A pipeline without its last stage, if that is of this kind; else the stage itself."""
        return self

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
        """Yield what to run next, receive its results or its error, return the rankings."""
        raise NotImplementedError

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        flow = self.flow(rankings)
        try:
            steps = next(flow)
            while True:
                try:
                    results = []
                    for stage, inputs in steps:  # a comprehension is a frame more, before 3.12
                        results.append(stage.run(inputs))
                except Exception as error:
                    steps = flow.throw(error)
                else:
                    steps = flow.send(results)
        except StopIteration as done:
            return list(done.value)
        finally:
            flow.close()

    async def arun(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        flow = self.flow(rankings)
        try:
            steps = next(flow)
            while True:
                try:
                    results = await gather_or_cancel(stage.arun(inputs) for stage, inputs in steps)
                except Exception as error:
                    steps = flow.throw(error)
                else:
                    steps = flow.send(results)
        except StopIteration as done:
            return list(done.value)
        finally:
            flow.close()


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
                raise InvalidInputError(f"a pipeline is made of stages: {not_a_stage(s)}")
            flat.extend(s.parts)
        if not flat:
            raise InvalidInputError("a pipeline needs at least one stage")
        self.stages: tuple[Stage, ...] = tuple(flat)
        self.name = " >> ".join(s.name for s in self.stages)
        origin: str | None = None
        for s in self.stages:
            if origin is not None:
                s.check_origin(origin)
            origin = s.origin or origin

    @property
    def parts(self) -> tuple[Stage, ...]:
        return self.stages

    @property
    def pointwise(self) -> bool:
        return all(s.pointwise for s in self.stages)

    def without_last(self, kind: type[Stage]) -> Stage:
        return self[:-1] if isinstance(self[-1], kind) else self

    def flow(self, rankings: Sequence[Ranking]) -> StageSteps:
        current = [Partial(r) for r in rankings]
        for stage in self.stages:
            if stage.reads_scores:
                (results,) = yield [(stage, [partial.scored for partial in current])]
                pairs = zip(results, current, strict=True)
                current = [Partial.of(result, partial.late) for result, partial in pairs]
            else:
                (results,) = yield [(stage, [partial.joined() for partial in current])]
                pairs = zip(results, current, strict=True)
                current = [partial.cut_to(result) for result, partial in pairs]
        return [partial.joined() for partial in current]

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


def not_a_stage(value: object) -> str:
    """What to write instead of something that is given where a stage is needed."""
    if isinstance(value, str):
        return f"{value!r} is not a stage; load({value!r}) makes one of a model string"
    if isinstance(getattr(value, "pipeline", None), Stage):
        return f"a {type(value).__name__} is not a stage; give its .pipeline"
    return f"{shown(value)} is not a stage; Score(your_scorer) makes one"
