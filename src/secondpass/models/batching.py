"""Batches of similar length, and one batch per processor rather than each batch on all of them.

A batch of a few hundred tokens is too small to be shared: the threads of an operator would wait for
each other after each of hundreds of small steps. Separate batches never wait for each other.
"""

from __future__ import annotations

import heapq
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Ids = npt.NDArray[np.int64]

SHARES = 16
"""Budgets that are tried."""

Work = TypeVar("Work")
Done = TypeVar("Done")


def count_processors() -> int:
    """The number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # where the system says
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def pack(lengths: Sequence[int], token_budget: int) -> Iterator[list[int]]:
    """Indices of rows, longest first, in batches of at most `token_budget` padded tokens.

    Sorting by length leaves little padding, and the budget bounds memory whatever the number and
    length of the rows. A single row longer than the budget is a batch by itself.
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        longest = lengths[batch[0]] if batch else lengths[index]
        if batch and longest * (len(batch) + 1) > token_budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def pack_for_threads(
    lengths: Sequence[int], token_budget: int, threads: int, overhead: int
) -> list[list[int]]:
    """`pack` with the budget, at most `token_budget`, that lets `threads` threads end soonest.

    Large batches pad more, and the last of them keeps one thread at work while the others wait;
    small ones each cost `overhead` besides their tokens, in tokens.
    """
    most = min(token_budget, sum(lengths) // threads)
    budgets = [max(1, most * share // SHARES) for share in range(SHARES, 0, -1)]
    tried = [list(pack(lengths, budget)) for budget in dict.fromkeys(budgets)]
    return min(tried, key=lambda batches: _end(batches, lengths, threads, overhead))


def _end(
    batches: Sequence[Sequence[int]], lengths: Sequence[int], threads: int, overhead: int
) -> int:
    """When the last thread is done, in padded tokens, each taking the next batch when it can."""
    busy_until = [0] * threads
    for batch in batches:
        cost = overhead + len(batch) * lengths[batch[0]]
        heapq.heapreplace(busy_until, busy_until[0] + cost)
    return max(busy_until)


def map_in_threads(
    work: Callable[[Work], Done], items: Iterable[Work], threads: int
) -> Iterator[Done]:
    """`work` of each item, in order, on that many threads; the first error ends it all.

    With one thread, or none, it is computed by the caller as it takes each result.
    """
    if threads <= 1:
        return map(work, items)  # not a generator: one frame less between the caller and `work`
    return _map_in_pool(work, iter(items), threads)


def _map_in_pool(
    work: Callable[[Work], Done], items: Iterator[Work], threads: int
) -> Iterator[Done]:
    pool = ThreadPoolExecutor(threads, thread_name_prefix="secondpass")
    try:
        pending: deque[Future[Done]] = deque()
        # a bounded number ahead of the caller: results that wait take memory
        pending.extend(pool.submit(work, item) for item in islice(items, 4 * threads))
        while pending:
            done = pending.popleft().result()
            pending.extend(pool.submit(work, item) for item in islice(items, 1))
            yield done
    finally:
        pool.shutdown(cancel_futures=True)


def prefetch(work: Callable[[Work], Done], parts: Iterable[Work]) -> Iterator[Done]:
    """`work` of each part, in order; the next is computed while the caller uses this one.

    A part is asked for when the work of the one before it is done, and may depend on it.
    """
    waiting = iter(parts)
    for first in waiting:
        done = work(first)
        break
    else:
        return
    pool: ThreadPoolExecutor | None = None
    try:
        for part in waiting:
            pool = pool or ThreadPoolExecutor(1, thread_name_prefix="secondpass-prefetch")
            following = pool.submit(work, part)
            yield done
            done = following.result()
        yield done
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)


class InferenceSession(Protocol):
    """A model's file that is ready to run; safe to call from many threads.

    Attributes:
        inputs: Names.
        outputs: Name to shape; empty where the number of axes is not known.
    """

    inputs: set[str]
    outputs: dict[str, list[Any]]

    def __call__(self, outputs: Sequence[str], feed: Mapping[str, Any]) -> list[Any]: ...


@dataclass(frozen=True, slots=True)
class BatchedSession:
    """A session that reads rows of token ids in batches of similar length, several at a time.

    Attributes:
        session: The model.
        pad: The id that fills short rows.
        longest: The longest row, in tokens.
        token_budget: Padded tokens per batch.
        workers: Batches that run at the same time.
        batch_overhead: What a batch costs besides its tokens, in tokens.
        width_step: Widths of batches are multiples of it, up to `longest`.
    """

    session: InferenceSession
    pad: int
    longest: int
    token_budget: int
    workers: int
    batch_overhead: int = 8
    width_step: int = 1

    def run(
        self, outputs: Sequence[str], rows: Sequence[Ids], text_starts: Sequence[int] = ()
    ) -> Iterator[tuple[list[int], list[Any]]]:
        """Indices of rows, and the named outputs for them, batch by batch.

        Args:
            outputs: Names.
            rows: Token ids, each of shape (length,).
            text_starts: Where the second segment of each row begins; there is none if empty.

        Raises:
            ModelError: The model cannot read a batch.
        """
        lengths = [len(row) for row in rows]
        batches = pack_for_threads(lengths, self.token_budget, self.workers, self.batch_overhead)
        feeds = map(partial(self._feed, rows, text_starts), batches)
        workers = min(self.workers, len(batches))
        results = map_in_threads(partial(self.session, outputs), feeds, workers)
        return zip(batches, results, strict=True)

    def _feed(
        self, rows: Sequence[Ids], text_starts: Sequence[int], batch: Sequence[int]
    ) -> dict[str, Ids]:
        """Token ids, their mask and their segments, int64 [rows, width]."""
        longest = max(len(rows[i]) for i in batch)
        width = max(longest, min(longest + -longest % self.width_step, self.longest))
        ids = np.full((len(batch), width), self.pad, dtype=np.int64)
        mask, types = np.zeros_like(ids), np.zeros_like(ids)
        for row, i in enumerate(batch):
            length = len(rows[i])
            ids[row, :length] = rows[i]
            mask[row, :length] = 1
            if text_starts:
                types[row, text_starts[i] : length] = 1
        return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
