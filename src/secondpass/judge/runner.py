"""Runs algorithms: asks a judge their questions concurrently, within a budget, and counts the cost.

`JudgeStage` is the base of `Order`, `Compare` and `Rate`; a `_RankingRun` judges one ranking.
"""

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
from secondpass.judge.budget import Budget, Meter, Prices, settle_after
from secondpass.judge.cost_estimate import CostEstimate, CostEvent, estimate_usage, plan_cost
from secondpass.judge.passage import shown_part
from secondpass.judge.protocols import Answer, JudgeCaller, Usage, check_reply, total_usage


class JudgeStage(Stage):
    """A stage that asks a judge the questions of an algorithm.

    The questions of all rankings share `concurrency`, so that a run never has more calls in flight.

    Where the judge fails (a `ModelError` such as `ChatError`, or an OSError) before anything was
    answered in a run, the error is raised: a wrong key must not look like an order. Later, it ends
    only the ranking where it happens, with the best order so far and an event of kind ``failed``,
    so that nothing paid for is lost.
    """

    algorithm: Algorithm

    @property
    def passage_tokens(self) -> int | None:
        """How much of a text its judge reads, where it says so."""
        for name in ("judge", "comparer", "rater"):
            limit = getattr(getattr(self, name, None), "passage_tokens", None)
            if isinstance(limit, int):
                return limit
        return None

    def __init__(
        self, name: str, caller: JudgeCaller, budget: Budget | None, concurrency: int
    ) -> None:
        if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
            raise InvalidInputError(f"concurrency={concurrency!r}: at least 1 call at a time")
        if not isinstance(budget, Budget | None):
            raise InvalidInputError(f"budget={budget!r}: give Budget(max_calls=...), or None")
        if budget and not caller.waits and (budget.max_tokens, budget.max_usd) != (None, None):
            raise InvalidInputError(
                f"{name!r} does not say how many tokens it takes, so max_tokens and max_usd could "
                "not be kept; use max_calls or deadline, or a judge with async methods"
            )
        self.name, self.budget, self.concurrency = name, budget, concurrency
        self._caller = caller

    def plan(
        self, n: int, mean_tokens: float = 100.0, prices: Prices | None = None
    ) -> CostEstimate:
        """What judging n candidates takes, by a dry run that keeps the incoming order.

        Calls and rounds are exact for algorithms that ask the same whatever the replies
        (`SlidingWindow`, `Tournament`, `AllPairs`, `Rate`), without repairs; for the others they
        are an estimate, on the low side for those that gain from a good incoming order. Tokens are
        estimated. A budget is not considered.

        Args:
            n: Number of candidates.
            mean_tokens: Mean length of a text, in tokens of the model.
            prices: For `usd`; the budget's, if None.
        """
        if prices is None and self.budget is not None:
            prices = self.budget.prices
        return plan_cost(self.algorithm, n, mean_tokens, prices)

    async def arun(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        workers = self.concurrency if self._caller.waits else 1
        shared = _Shared(asyncio.Semaphore(workers), workers)
        return await gather_or_cancel(_RankingRun(self, r, shared).judge() for r in rankings)


@dataclass
class _Shared:
    """What the rankings of one run share.

    Attributes:
        gate: Limits the calls in flight.
        workers: To how many.
        answered: Whether any question was answered: from then on, raising would lose paid work.
    """

    gate: asyncio.Semaphore
    workers: int
    answered: bool = False


class _RankingRun:
    """Judges one ranking: `judge` -> `_ask_round` -> `_work`, several at a time -> the caller."""

    def __init__(self, stage: JudgeStage, ranking: Ranking, shared: _Shared) -> None:
        self.by, self.algorithm, self.caller = stage.name, stage.algorithm, stage._caller
        self.ranking, self.shared = ranking, shared
        self.clock = asyncio.get_running_loop().time
        self.meter = Meter(stage.budget, self.clock())
        self.rounds, self.failure = 0, ""
        self.events: Counter[tuple[EventKind, str]] = Counter()
        shown = [shown_part(candidate, stage.passage_tokens) for candidate in ranking]
        self.texts = [text for text, _ in shown]
        self.notes: list[Note] = [note for _, note in shown]

    async def judge(self) -> Ranking:
        flow = self.algorithm.flow(len(self.ranking))
        try:
            current = next(flow)
            while True:
                replies = await self._ask_round(current)
                if self.meter.ended and not current.partial:
                    verdict = Verdict(current.so_far)
                    break
                current = flow.send(replies)
        except StopIteration as done:
            verdict = done.value
        finally:
            flow.close()
        return self._with_events(self._with_verdict(verdict))

    async def _ask_round(self, current: Round) -> list[Any]:
        """One reply per question; None for those that a budget or a failure leaves unanswered."""
        replies: list[Any] = [None] * len(current.questions)
        left = self.meter.calls_left
        if left is not None and left < len(current.questions) and not current.partial:
            self.meter.ended = f"limit of {self.meter.budget.max_calls} calls"
            return replies  # half a round helps nobody, so it is not paid for
        before = self.meter.used
        chunks = self._chunks(len(current.questions))
        timeout: AbstractAsyncContextManager[Any] = nullcontext()
        if self.caller.waits and self.meter.deadline is not None:
            timeout = asyncio.timeout_at(self.meter.deadline)
        try:
            async with timeout:
                workers = min(self.shared.workers, len(current.questions))
                await gather_or_cancel(self._work(chunks, current, replies) for _ in range(workers))
        except TimeoutError:
            if not isinstance(timeout, asyncio.Timeout) or not timeout.expired():
                raise  # the judge's own
            self.meter.end_at_deadline()
        if self.meter.used != before:
            self.rounds += 1
        return replies

    def _chunks(self, questions: int) -> Iterator[range]:
        """Indices of the questions that go into one call."""
        size = questions if self.caller.batches else 1
        left = self.meter.calls_left
        if self.caller.batches and left is not None:
            size = max(1, min(size, left))
        return (range(i, min(i + size, questions)) for i in range(0, questions, size))

    async def _work(self, chunks: Iterator[range], current: Round, replies: list[Any]) -> None:
        """Take chunks off the round until none is left, or nothing more may be asked."""
        for chunk in chunks:
            questions = [current.questions[i] for i in chunk]
            texts = [[self.texts[i] for i in question] for question in questions]
            async with self.shared.gate:
                expected = self._expected_usage(texts)
                if not self.meter.reserve(expected, self.clock()):
                    return
                try:
                    with settle_after(self.meter, expected) as allowance:
                        answers = await self.caller.call(self.ranking.query, texts)
                        allowance.used = total_usage(answers)
                    self.shared.answered = True
                except (ModelError, OSError) as error:
                    if not self.shared.answered:
                        raise
                    self.failure = self.failure or " ".join(str(error).split())[:500]
                    self.meter.ended = "failure"
                    return
            for i, question, answer in zip(chunk, questions, answers, strict=True):
                replies[i] = self._reply(question, answer)

    def _expected_usage(self, texts: list[list[str]]) -> Usage:
        budget = self.meter.budget
        if budget.max_tokens is None and budget.max_usd is None:
            return Usage(len(texts))
        total = Usage()
        for shown in texts:
            characters = sum(map(len, shown))
            total += estimate_usage(self.caller.asks, len(shown), characters / 4)
        return total

    def _reply(self, question: QuestionIndices, answer: Answer[Any]) -> Any:
        """What the algorithm is sent for an answer, whose events and notes are kept."""
        reply = check_reply(
            answer.value,
            question,
            answers=self.caller.asks,
            wanted=self.algorithm.asks,
            by=self.by,
        )
        self.events.update(answer.events)
        for index, note in zip(question, answer.notes, strict=bool(answer.notes)):
            if note or "shown" not in self.notes[index]:  # it fits now, and was cut here
                self.notes[index].update(note)
        return reply

    def _with_verdict(self, verdict: Verdict) -> Ranking:
        if verdict.scores is not None:
            for score, note in zip(verdict.scores, self.notes, strict=True):
                if score is None and self.meter.out_of_time:
                    note["unscored"] = True
            return self.ranking.rescored(verdict.scores, "raw", self.by, self.notes)
        return self.ranking.reordered(self._stable(verdict.order), self.by, self.notes)

    def _stable(self, order: list[int]) -> list[int]:
        """The order with equal texts in their incoming order: no answer can tell them apart."""
        same: dict[str, list[int]] = {}
        for index in order:
            same.setdefault(self.ranking[index].text, []).append(index)
        if len(same) == len(order):
            return order
        remaining = {text: iter(sorted(indices)) for text, indices in same.items()}
        return [next(remaining[self.ranking[index].text]) for index in order]

    def _with_events(self, ranking: Ranking) -> Ranking:
        if parts := sum("shown" in note for note in self.notes):
            message = (
                f"{parts} of {len(ranking)} texts are longer than the judge reads; it was shown "
                "the part with the best evidence"
            )
            ranking = ranking.with_event(self.by, "truncated", message)
        for (kind, message), times in self.events.items():
            ranking = ranking.with_event(
                self.by, kind, message if times == 1 else f"{message} ({times} times)"
            )
        used, suffix = self.meter.used, "; this is the best order so far"
        if self.failure:
            message = f"the judge failed after {used.calls} calls: {self.failure}{suffix}"
            ranking = ranking.with_event(self.by, "failed", message)
        elif self.meter.ended:
            message = f"ended by the {self.meter.ended}, after {used.calls} calls{suffix}"
            ended: EventKind = "deadline" if self.meter.out_of_time else "budget"
            ranking = ranking.with_event(self.by, ended, message)
        if used == Usage():
            return ranking
        cost = CostEstimate.of(used, self.rounds, self.meter.budget.prices)
        event = CostEvent(self.by, "cost", str(cost), cost)
        return replace(ranking, events=(*ranking.events, event))
