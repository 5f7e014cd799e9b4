"""One model's queue: pairs of all requests, in batches of so many tokens.

A long list never goes to the model in one piece. Each batch is filled from the request with the
least left to do, so that a request of 10 texts does not wait for one of 1,000; but a part of it
belongs to the request that has waited longest, so that short ones cannot hold it up for ever.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from secondpass.core.deadline import time_left
from secondpass.core.event import Note
from secondpass.core.ranking import Ranking
from secondpass.core.tokens import estimated
from secondpass.stages.in_time import side_by_side
from secondpass.stages.score import Pair, Score, Scorer, score_pairs

OLDEST = 8
"""The request that has waited longest is sure of this part of each batch: one over it."""
PAIR_TOKENS = 8
"""What a pair costs besides the tokens of its text."""


@dataclass(eq=False)
class _Job:
    """The pairs of one request, of which the first `next` were handed out."""

    pairs: Sequence[Pair]
    costs: list[int]
    ends: float | None
    done: asyncio.Future[None]
    scores: list[float | None]
    notes: list[Note]
    left: int
    next: int = 0


@dataclass
class BatchLog:
    """What was done, for metrics and for tests.

    Attributes:
        on_batch: Called with tokens, pairs, requests and seconds of each batch.
        on_wait: Called with the seconds from a request's arrival to its first batch.
        on_notes: Called with the scorer's name and what it noted on each pair.
    """

    on_batch: Callable[[int, int, int, float], None] = lambda *_: None
    on_wait: Callable[[float], None] = lambda _: None
    on_notes: Callable[[str, Sequence[Note]], None] = lambda *_: None


@dataclass
class Batcher:
    """Scores the pairs of many requests with one scorer, which is called by one thread at a time.

    Args:
        scorer: Reads each batch, with as many threads as it has.
        thread: Where it runs.
        tokens: Of a batch, estimated. One pair that has more is a batch by itself.
        wait: Seconds to wait for requests that are on their way; no longer.
        on_the_way: How many requests were admitted and are not queued anywhere yet.
        longest: The most tokens that a text costs, as the scorer cuts it.
        log: What is told of each batch.
    """

    scorer: Scorer
    thread: Executor
    tokens: int
    wait: float = 0.002
    on_the_way: Callable[[], int] = lambda: 0
    longest: int = 512
    log: BatchLog = field(default_factory=BatchLog)

    def __post_init__(self) -> None:
        self.rate: float | None = None
        """Tokens a second, as measured; None before the first batch."""
        self._jobs: dict[_Job, float] = {}
        self._runner: asyncio.Task[None] | None = None
        self._in_flight = 0

    @property
    def queued(self) -> int:
        """Tokens that wait or are being read."""
        return sum(job.left for job in self._jobs) + self._in_flight

    def seconds(self, tokens: int) -> float:
        """How long so many tokens take; 0 before anything was measured."""
        return 0.0 if self.rate is None else tokens / self.rate

    def costs(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, estimated."""
        most, letters = self.longest, 4 * self.longest
        return [min(most, estimated(text[:letters])) + PAIR_TOKENS for text in texts]

    async def score(
        self, pairs: Sequence[Pair], seconds: float | None
    ) -> tuple[list[float | None], list[Note]]:
        """One score and one note for each pair; None and ``unscored`` for those that were late.

        Args:
            pairs: The most promising first.
            seconds: How long they may take; None for no limit.

        Raises:
            Exception: What the scorer raised for these pairs.
        """
        if not pairs:
            return [], []
        now = time.monotonic()
        costs = self.costs([text for _, text in pairs])
        job = _Job(
            pairs, costs, None if seconds is None else now + seconds,
            asyncio.get_running_loop().create_future(), [None] * len(pairs),
            [{"unscored": True} for _ in pairs], sum(costs),
        )  # fmt: skip
        self._jobs[job] = now
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        try:
            await job.done
        finally:  # a client that has gone takes what it asked for with it
            self._jobs.pop(job, None)
        return job.scores, job.notes

    async def _run(self) -> None:
        while self._jobs:
            await self._gather()
            batch = self._next_batch(time.monotonic())
            if not batch:
                continue
            self._in_flight = sum(job.costs[i] for job, i in batch)
            try:
                await self._read(batch)
            finally:
                self._in_flight = 0
            for job in dict.fromkeys(job for job, _ in batch):
                if job.next == len(job.pairs):
                    self._end(job)

    async def _gather(self) -> None:
        """Wait for those on the way, while the batch is not full."""
        ends = time.monotonic() + self.wait
        while self.on_the_way() and self.queued < self.tokens and time.monotonic() < ends:
            await asyncio.sleep(self.wait / 4)

    def _next_batch(self, now: float) -> list[tuple[_Job, int]]:
        """Pairs to read next; requests whose time is over are ended."""
        jobs = list(self._jobs)
        shares = [(job, self.tokens // OLDEST) for job in jobs[:1]]
        shares += [(job, self.tokens) for job in sorted(jobs, key=lambda job: job.left)]
        batch: list[tuple[_Job, int]] = []
        used = 0
        for job, most in shares:
            limit = min(self.tokens, used + most)
            while job.next < len(job.pairs):
                cost = job.costs[job.next]
                if batch and used + cost > limit:
                    break
                if job.ends is not None and now + self.seconds(used + cost) >= job.ends:
                    if not batch or now >= job.ends:
                        self._end(job)
                    break
                if job.next == 0:
                    self.log.on_wait(now - self._jobs[job])
                batch.append((job, job.next))
                used, job.next, job.left = used + cost, job.next + 1, job.left - cost
        return batch

    async def _read(self, batch: list[tuple[_Job, int]]) -> None:
        """Score a batch; if that fails, each request's part by itself, so that one fails alone."""
        jobs = list(dict.fromkeys(job for job, _ in batch))
        began = time.monotonic()
        try:
            scores, notes = await self._score([job.pairs[i] for job, i in batch])
        except Exception as error:
            if len(jobs) > 1:
                for job in jobs:
                    await self._read([part for part in batch if part[0] is job])
            else:
                self._end(jobs[0], error)
            return
        for (job, i), score, note in zip(batch, scores, notes, strict=True):
            job.scores[i], job.notes[i] = score, note
        seconds, tokens = time.monotonic() - began, sum(job.costs[i] for job, i in batch)
        rate = tokens / max(seconds, 1e-9)
        self.rate = rate if self.rate is None else 0.5 * (rate + self.rate)
        self.log.on_batch(tokens, len(batch), len(jobs), seconds)
        self.log.on_notes(self.scorer.name, notes)

    async def _score(self, pairs: list[Pair]) -> tuple[list[float], list[Note]]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.thread, score_pairs, self.scorer, pairs)

    def _end(self, job: _Job, error: Exception | None = None) -> None:
        self._jobs.pop(job, None)
        if job.done.done():  # the client has gone
            return
        if error is None:
            job.done.set_result(None)
        else:
            job.done.set_exception(error)


class BatchedScore(Score):
    """`Score` whose pairs are read together with those of other requests."""

    def __init__(self, scorer: Scorer, batcher: Batcher) -> None:
        super().__init__(scorer)
        self._batcher = batcher

    async def arun(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        where = side_by_side(rankings)
        pairs = [(rankings[r].query, rankings[r][c].text) for r, c in where]
        return self.with_scores(rankings, where, *await self._batcher.score(pairs, time_left()))
