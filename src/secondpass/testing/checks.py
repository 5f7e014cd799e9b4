"""Conformance checks for your own scorers, comparers, judges and stages.

    from secondpass.testing import check_scorer
    def test_my_scorer():
        check_scorer(MyScorer())

Each makes real calls and raises AssertionError with the law that is broken; see `laws`.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Sequence

from secondpass.core.candidate import Candidate
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage
from secondpass.judge.algorithms.pairwise import AllPairs, Heapsort, SlidingPairs
from secondpass.judge.algorithms.self_consistent import SelfConsistent
from secondpass.judge.algorithms.setwise import SetwiseHeapsort, SetwiseInsertion
from secondpass.judge.algorithms.sliding_window import SlidingWindow
from secondpass.judge.algorithms.top_down import TopDown
from secondpass.judge.algorithms.tournament import Tournament
from secondpass.stages.compare import Compare, Comparer
from secondpass.stages.order import Judge, Order
from secondpass.stages.score import Score, Scorer
from secondpass.testing import laws

QUERY = "how do I read a file line by line"
TEXTS = (
    "Open the file and iterate over it: for line in file yields one line at a time.",
    "A file object is its own iterator; reading line by line keeps memory small.",
    "The museum is closed on Mondays.",
    "",
    "file",
    "Zeilenweise lesen: für jede Zeile \U0001f4c4 …",
    "The museum is closed on Mondays.",
    "line " * 900,
)
"""Good, bad, empty, short, not English, repeated and long."""

SMALL = (
    SlidingWindow(3, 2),
    TopDown(3, 1),
    Tournament(3, 1),
    SetwiseHeapsort(2, 3),
    SetwiseInsertion(2, 3),
    SelfConsistent(SlidingWindow(3, 1), shuffles=3),
)
"""Algorithms that make several calls of a few texts."""


def samples() -> list[Ranking]:
    """Rankings of all awkward kinds: long, single, empty, with metadata, payloads and trails."""
    many = [
        Candidate(f"d{i}", t, {"source": "test", "n": i}, score=1.0 - i / 10, payload=object())
        for i, t in enumerate(TEXTS)
    ]
    return [
        Ranking.of(QUERY, many),
        Ranking.of("museum opening hours", reversed(many)),
        Ranking.of("one", [Candidate("only", "a single candidate")]),
        Ranking.of("none", []),
        Ranking.of("all the same", [Candidate(str(i), "same text") for i in range(5)]),
    ]


def check_stage(
    stage: Stage, rankings: Sequence[Ranking] | None = None, *, cuts: bool = False
) -> None:
    """A stage keeps the laws, batched, sync and async. (Law 7 is a scorer's, see `check_scorer`.)

    Args:
        stage: What to check.
        rankings: What to run it on; `samples()` if None. Give raw or calibrated rankings to a
            stage that needs them.
        cuts: Whether it is this stage's job to drop candidates.
    """
    inputs = list(samples() if rankings is None else rankings)
    copies = laws.copy_rankings(inputs)
    results = stage.run(inputs)
    laws.inputs_untouched(inputs, copies)
    assert len(results) == len(inputs), f"{len(results)} rankings came back for {len(inputs)}"
    for before, after in zip(inputs, results, strict=True):
        laws.nothing_lost(before, after, cuts=cuts)
        laws.scale_is_honest(after)
        laws.order_agrees(after)
        laws.ties_keep_order(before, after)
        laws.threshold_needs_probabilities(after)
    laws.refined_is_an_order(stage, inputs)
    laws.calibrator_refuses_others(stage)
    again = asyncio.run(_async(stage, inputs))
    assert [r.ids for r in again] == [r.ids for r in results], "arun and run disagree"
    assert stage.run([]) == [], "no rankings in, no rankings out"


async def _async(stage: Stage, rankings: Sequence[Ranking]) -> list[Ranking]:
    return await stage.arun(rankings)


def check_scorer(scorer: Scorer, tolerance: float | None = None) -> None:
    """A scorer keeps law 7, and gives finite floats in the right number.

    Args:
        scorer: What to check.
        tolerance: How much a score may depend on its batch mates; the scorer's own `tolerance`
            if it has one, else 1e-6.
    """
    assert isinstance(scorer.name, str), "a scorer's name says which weights it has"
    assert scorer.name, "a scorer's name is empty"
    cache_key = getattr(scorer, "cache_key", "")
    assert isinstance(cache_key, str), f"a scorer's cache_key is a string, not {cache_key!r}"
    allowed = float(getattr(scorer, "tolerance", 1e-6) if tolerance is None else tolerance)
    pairs = [(q, t) for q in (QUERY, "museum opening hours") for t in TEXTS]
    original = list(pairs)
    scores = list(scorer.score(pairs))
    assert pairs == original, "law 1: the pairs were changed in place"
    assert len(scores) == len(pairs), f"{len(scores)} scores for {len(pairs)} pairs"
    assert all(math.isfinite(s) for s in scores), f"law 3: scores must be finite: {scores}"
    assert list(scorer.score([])) == [], "no pairs in, no scores out"
    alone = [next(iter(scorer.score([pair]))) for pair in pairs]
    order = list(range(len(pairs)))
    random.Random(0).shuffle(order)
    shuffled = list(scorer.score([pairs[i] for i in order]))
    for i, pair in enumerate(pairs):
        for other in (alone[i], shuffled[order.index(i)]):
            assert abs(scores[i] - other) <= allowed, (
                f"law 7: {pair!r:.60} scores {scores[i]} in one batch and {other} in another"
            )
    check_stage(Score(scorer))


def check_comparer(comparer: Comparer) -> None:
    """A comparer gives one probability per pair, and keeps the laws with every algorithm."""
    assert comparer.name, "a comparer's name is empty"
    pairs = [(a, b) for a in TEXTS[:4] for b in TEXTS[:4] if a is not b]
    answers = list(comparer.compare(QUERY, pairs))
    assert len(answers) == len(pairs), f"{len(answers)} answers for {len(pairs)} pairs"
    assert all(0 <= p <= 1 for p in answers), f"P(first is better) is in [0, 1]: {answers}"
    assert list(comparer.compare(QUERY, [])) == [], "no pairs in, no answers out"
    for algorithm in (AllPairs(), AllPairs("bradley-terry"), Heapsort(3), SlidingPairs(3)):
        check_stage(Compare(comparer, algorithm))


def check_judge(judge: Judge) -> None:
    """A judge answers with a permutation, whatever the number of texts."""
    assert judge.name, "a judge's name is empty"
    for n in range(len(TEXTS) + 1):
        order = list(judge.order(QUERY, TEXTS[:n]))
        assert sorted(order) == list(range(n)), f"law 1: {order} is not a permutation of {n} texts"
    check_stage(Order(judge))
    for algorithm in SMALL:
        check_stage(Order(judge, algorithm))
