"""Batches hold every pair once, run beside each other, and fail together."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.models.batching import map_in_threads, pack, pack_for_threads, prefetch

LENGTHS = st.lists(st.integers(1, 512), max_size=80)


@given(st.lists(st.integers(1, 512), max_size=80), st.integers(1, 2048))
def test_batches_hold_every_pair_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = list(pack(lengths, budget))
    assert sorted(i for b in batches for i in b) == list(range(len(lengths)))
    for batch in batches:
        padded = len(batch) * max(lengths[i] for i in batch)
        assert padded <= budget or len(batch) == 1


@given(LENGTHS, st.integers(1, 2048), st.integers(1, 8))
def test_fair_batches_hold_every_pair_once(lengths: list[int], budget: int, threads: int) -> None:
    batches = pack_for_threads(lengths, budget, threads, 8)
    assert sorted(i for b in batches for i in b) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) * max(lengths[i] for i in batch) <= budget or len(batch) == 1


@given(st.integers(1, 512), st.integers(1, 80), st.integers(1, 8))
def test_every_thread_has_something_to_do(length: int, pairs: int, threads: int) -> None:
    batches = pack_for_threads([length] * pairs, 10_000, threads, 8)
    assert len(batches) >= min(pairs, threads)


def test_ten_passages_keep_two_threads_busy() -> None:
    lengths = [160, 120, 110, 100, 95, 90, 85, 80, 80, 80]
    ends = []
    for batches in (list(pack(lengths, 500)), pack_for_threads(lengths, 512, 2, 8)):
        busy = [0, 0]
        for batch in batches:
            busy[busy.index(min(busy))] += len(batch) * lengths[batch[0]]
        ends.append(max(busy))
    assert ends[0] == 640
    assert ends[1] <= 1.05 * sum(lengths) / 2


def test_the_more_a_batch_costs_the_fewer_there_are() -> None:
    lengths = list(range(40, 140))
    counts = [
        len(pack_for_threads(lengths, 2_000, 2, overhead)) for overhead in (0, 8, 200, 10_000)
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_order_and_errors_come_through(threads: int) -> None:
    assert list(map_in_threads(lambda x: 2 * x, range(20), threads)) == list(range(0, 40, 2))
    with pytest.raises(ZeroDivisionError):
        list(map_in_threads(lambda x: 1 / x, [1, 0, 2], threads))


def test_they_run_beside_each_other() -> None:
    meeting = threading.Barrier(3, timeout=10)  # breaks unless three are there at once
    assert len(list(map_in_threads(lambda _: meeting.wait(), range(3), 3))) == 3


def test_the_next_part_is_read_while_this_one_is_used() -> None:
    begun = [threading.Event() for _ in range(3)]

    def read(part: int) -> int:
        begun[part].set()
        return part

    for part in prefetch(read, [0, 1, 2]):
        if part < 2:
            assert begun[part + 1].wait(10)
    assert list(prefetch(read, [])) == []


def test_an_error_of_the_next_part_comes_when_it_is_due() -> None:
    parts = prefetch(lambda x: 1 // x, [1, 0])
    assert next(parts) == 1
    with pytest.raises(ZeroDivisionError):
        next(parts)
