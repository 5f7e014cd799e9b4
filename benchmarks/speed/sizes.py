"""How much of everything is run: the default, and --quick for development."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Counts. The default is planned for 25 minutes where slow contenders do 70 pairs per second.

    Attributes:
        rounds: Rounds of the parts that take turns; `short` deals its queries out over them.
        short_queries: Queries of the collection; all judged ones if None.
        short_depth: Candidates of each.
        long_documents: Documents of each round's list.
        long_rounds: Lists of long documents, one a round.
        ten_lists: Lists of ten candidates.
        thousand: Candidates of the memory run; a tenth as many are ranked before, to compare.
        eight_depth: Candidates of each of the eight queries.
        eight_rounds: Rounds of each way of running them.
        cold_runs: New processes per contender.
        depths: (candidates, lists) of the throughput-by-depth part.
        repeats: Of the overhead and adapter timings.
    """

    rounds: int = 5
    short_queries: int | None = None
    short_depth: int = 100
    long_documents: int = 60
    long_rounds: int = 3
    ten_lists: int = 40
    thousand: int = 1000
    eight_depth: int = 12
    eight_rounds: int = 2
    cold_runs: int = 2
    depths: tuple[tuple[int, int], ...] = ((10, 40), (100, 6), (1000, 1), (10_000, 1))
    repeats: int = 9


QUICK = Sizes(
    rounds=3, short_queries=3, short_depth=40, long_documents=16, long_rounds=2, ten_lists=6,
    thousand=200, eight_depth=5, eight_rounds=1, cold_runs=1, depths=((10, 6), (100, 1), (300, 1)),
    repeats=5,
)  # fmt: skip
