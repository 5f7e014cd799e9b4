"""Drives algorithms: asks their questions side by side, within a budget, and keeps the account."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from secondpass.core.errors import InvalidInputError, ModelError
from secondpass.core.event import EventKind, Note
from secondpass.core.event_loop import gather_or_cancel
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage
from secondpass.judge.algorithms.protocol import Algorithm, QuestionIndices, Round, Verdict
from secondpass.judge.allowance import Allowance, allowed
from secondpass.judge.budget import Budget, Meter, Prices
from secondpass.judge.calls import JudgeCaller, reply
from secondpass.judge.chat.protocol import ChatError
from secondpass.judge.cost_estimate import CostEstimate, CostEvent, estimated, planned
from secondpass.judge.protocols import Usage


class JudgeStage(Stage):
    """A stage that asks a judge what an algorithm wants to know.

    Questions of all rankings share `concurrency` places, so that a run never has more in flight.

    Where the judge fails (a `ModelError` such as `ChatError`, or an OSError) before anything was
    answered in a run, the error is raised: a wrong key is no order. Later it ends the ranking that
    it happens to, with the best order so far and an event of kind ``failed``, so that what was paid
    for is kept.
    """

    algorithm: Algorithm

    def __init__(
        self, name: str, asker: JudgeCaller, budget: Budget | None, concurrency: int
    ) -> None:
        if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
            raise InvalidInputError(f"concurrency={concurrency!r}: at least 1 call at a time")
        if not isinstance(budget, Budget | None):
            raise InvalidInputError(f"budget={budget!r}: give Budget(max_calls=...), or None")
        if budget and not asker.waits and (budget.max_tokens, budget.max_usd) != (None, None):
            raise InvalidInputError(
                f"{name!r} does not say how many tokens it takes, so max_tokens and max_usd could "
                "not be kept; use max_calls or deadline, or a judge with async methods"
            )
        self.name, self.budget, self.concurrency = name, budget, concurrency
        self._asker = asker

    def plan(
        self, n: int, mean_tokens: float = 100.0, prices: Prices | None = None
    ) -> CostEstimate:
        """What judging n candidates takes, found by a dry run that keeps the incoming order.

        Calls and rounds are exact for algorithms that ask the same whatever the replies
        (`SlidingWindow`, `Tournament`, `AllPairs`, `Rate`), without repairs; for the others they
        are an estimate, on the low side for those that gain from a good incoming order. Tokens are
        estimated. A budget is not considered.

        Args:
            n: Number of candidates.
            mean_tokens: Of one text, as the model reads it.
            prices: For `usd`; the budget's, if None.
        """
        if prices is None and self.budget is not None:
            prices = self.budget.prices
        return planned(self.algorithm, n, mean_tokens, prices)

    async def arun(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        width = self.concurrency if self._asker.waits else 1
        gate = asyncio.Semaphore(width)
        begun = _Begun()
        return await gather_or_cancel(
            _QueryRun(self, r, gate, width, begun).judged() for r in rankings
        )


@dataclass
class _Begun:
    """Whether any question of a run was answered: from then on a failure loses what was paid."""

    answered: bool = False


class _QueryRun:
    """One ranking on its way through."""

    def __init__(
        self,
        stage: JudgeStage,
        ranking: Ranking,
        gate: asyncio.Semaphore,
        width: int,
        begun: _Begun,
    ) -> None:
        self.by, self.algorithm, self.asker = stage.name, stage.algorithm, stage._asker
        self.ranking, self.gate, self.width = ranking, gate, width
        self.begun, self.failure = begun, ""
        self.clock = asyncio.get_running_loop().time
        self.meter = Meter(stage.budget, self.clock())
        self.rounds = 0
        self.events: Counter[tuple[EventKind, str]] = Counter()
        self.notes: list[Note] = [{} for _ in ranking]

    async def judged(self) -> Ranking:
        flow = self.algorithm.flow(len(self.ranking))
        try:
            asked = next(flow)
            while True:
                replies = await self._replies(asked)
                if self.meter.ended and not asked.partial:
                    verdict = Verdict(asked.so_far)
                    break
                asked = flow.send(replies)
        except StopIteration as done:
            verdict = done.value
        finally:
            flow.close()
        return self._told(self._ranked(verdict))

    async def _replies(self, asked: Round) -> list[Any]:
        replies: list[Any] = [None] * len(asked.questions)
        left = self.meter.calls_left
        if left is not None and left < len(asked.questions) and not asked.partial:
            self.meter.ended = f"limit of {self.meter.budget.max_calls} calls"
            return replies  # half a round helps nobody, so it is not paid for
        before = self.meter.used
        work = self._chunks(len(asked.questions))
        timeout: AbstractAsyncContextManager[Any] = nullcontext()
        if self.asker.waits and self.meter.ends is not None:
            timeout = asyncio.timeout_at(self.meter.ends)
        try:
            async with timeout:
                workers = min(self.width, len(asked.questions))
                await gather_or_cancel(self._worker(work, asked, replies) for _ in range(workers))
        except TimeoutError:
            if not isinstance(timeout, asyncio.Timeout) or not timeout.expired():
                raise  # the judge's own
            self.meter.late()
        if self.meter.used != before:
            self.rounds += 1
        return replies

    def _chunks(self, questions: int) -> Iterator[range]:
        """Places of the questions that go into one call of the asker."""
        size = questions if self.asker.batches else 1
        left = self.meter.calls_left
        if self.asker.batches and left is not None:
            size = max(1, min(size, left))
        return (range(i, min(i + size, questions)) for i in range(0, questions, size))

    async def _worker(self, work: Iterator[range], asked: Round, replies: list[Any]) -> None:
        for chunk in work:
            questions = [asked.questions[i] for i in chunk]
            async with self.gate:
                expected = self._expected(questions)
                if not self.meter.reserve(expected, self.clock()):
                    return
                try:
                    answers = await self._ask(questions, expected)
                except (ModelError, OSError) as error:
                    if not self.begun.answered:
                        raise
                    self.failure = self.failure or " ".join(str(error).split())[:500]
                    self.meter.ended = "failure"
                    return
            for i, answer in zip(chunk, answers, strict=True):
                replies[i] = answer

    def _expected(self, questions: list[QuestionIndices]) -> Usage:
        budget = self.meter.budget
        if budget.max_tokens is None and budget.max_usd is None:
            return Usage(len(questions))
        total = Usage()
        for q in questions:
            characters = sum(len(self.ranking[i].text) for i in q)
            total += estimated(self.asker.asks, len(q), characters / 4)
        return total

    async def _ask(self, questions: list[QuestionIndices], expected: Usage) -> list[Any]:
        shown = [[self.ranking[i].text for i in q] for q in questions]
        used = Usage()
        allowance = Allowance(self.meter.another_call)
        try:
            with allowed(allowance):
                answers = await self.asker.ask(self.ranking.query, shown)
            self.begun.answered = True
            for answer in answers:
                used += answer.usage if answer.usage != Usage() else Usage(calls=1)
        except ChatError as error:
            used = error.usage
            raise
        finally:
            self.meter.settle(expected + Usage(allowance.granted - 1), used)
        replies = []
        for question, answer in zip(questions, answers, strict=True):
            wanted = self.algorithm.asks
            replies.append(reply(self.asker, wanted, answer.value, question, self.by))
            self.events.update(answer.events)
            for place, note in zip(question, answer.notes, strict=bool(answer.notes)):
                self.notes[place].update(note)
        return replies

    def _ranked(self, verdict: Verdict) -> Ranking:
        if verdict.scores is not None:
            return self.ranking.rescored(verdict.scores, "raw", self.by, self.notes)
        return self.ranking.reordered(self._steady(verdict.order), self.by, self.notes)

    def _steady(self, order: list[int]) -> list[int]:
        """Equal texts keep their incoming order: nothing that was said can tell them apart."""
        same: dict[str, list[int]] = {}
        for place in order:
            same.setdefault(self.ranking[place].text, []).append(place)
        if len(same) == len(order):
            return order
        waiting = {text: iter(sorted(places)) for text, places in same.items()}
        return [next(waiting[self.ranking[place].text]) for place in order]

    def _told(self, ranking: Ranking) -> Ranking:
        for (kind, message), times in self.events.items():
            ranking = ranking.with_event(
                self.by, kind, message if times == 1 else f"{message} ({times} times)"
            )
        used = self.meter.used
        if self.failure:
            best = f"the judge failed after {used.calls} calls: {self.failure}"
            ranking = ranking.with_event(
                self.by, "failed", f"{best}; this is the best order so far"
            )
        elif self.meter.ended:
            best = f"ended by the {self.meter.ended}, after {used.calls} calls"
            ranking = ranking.with_event(
                self.by, "budget", f"{best}; this is the best order so far"
            )
        if used == Usage():
            return ranking
        cost = CostEstimate.of(used, self.rounds, self.meter.budget.prices)
        spent = CostEvent(self.by, "cost", str(cost), cost)
        return replace(ranking, events=(*ranking.events, spent))
