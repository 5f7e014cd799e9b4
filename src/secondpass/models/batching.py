"""Batches of similar length, and one batch a processor rather than each batch on all of them.

A batch of a few hundred tokens is too small to be shared: the threads of an operator would wait for
each other after each of hundreds of small steps. Batches beside each other never wait.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

SHARES = 16
"""Budgets that are tried."""

Work = TypeVar("Work")
Done = TypeVar("Done")


def packed(lengths: Sequence[int], token_budget: int) -> Iterator[list[int]]:
    """Places of pairs, longest first, in batches of at most `token_budget` padded tokens.

    Sorting by length leaves little padding, and the budget bounds memory whatever the number and
    length of the pairs. A single pair longer than the budget is a batch by itself.
    """
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        longest = lengths[batch[0]] if batch else lengths[place]
        if batch and longest * (len(batch) + 1) > token_budget:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def batches_for(
    lengths: Sequence[int], token_budget: int, threads: int, overhead: int
) -> list[list[int]]:
    """`packed` with whatever budget, `token_budget` at most, ends soonest on so many threads.

    Large batches pad more, and the last of them keeps one thread at work while the others wait;
    small ones cost more beside their tokens: `overhead`, in tokens, each.
    """
    most = min(token_budget, sum(lengths) // threads)
    budgets = [max(1, most * share // SHARES) for share in range(SHARES, 0, -1)]
    tried = [list(packed(lengths, budget)) for budget in dict.fromkeys(budgets)]
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
    work: Callable[[Work], Done], batches: Sequence[Work], threads: int
) -> Iterator[Done]:
    """`work` of each batch, in order, on so many threads; the first error ends it all."""
    if threads == 1 or len(batches) < 2:
        yield from map(work, batches)
        return
    pool = ThreadPoolExecutor(min(threads, len(batches)), thread_name_prefix="secondpass")
    try:
        yield from pool.map(work, batches)
    finally:
        pool.shutdown(cancel_futures=True)


def prefetch(work: Callable[[Work], Done], parts: Sequence[Work]) -> Iterator[Done]:
    """`work` of each part, in order; the next is under way while the caller uses this one."""
    if len(parts) < 2:
        yield from map(work, parts)
        return
    pool = ThreadPoolExecutor(1, thread_name_prefix="secondpass-ahead")
    try:
        coming = pool.submit(work, parts[0])
        for part in parts[1:]:
            done, coming = coming.result(), pool.submit(work, part)
            yield done
        yield coming.result()
    finally:
        pool.shutdown(cancel_futures=True)
