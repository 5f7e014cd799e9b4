from __future__ import annotations

import threading

import pytest

from secondpass import Cached, Fuse, InvalidInputError, Ranking, Score, Top
from secondpass.testing import FakeScorer, check_scorer

RANKING = Ranking.of("dogs bark", ["cats purr", "dogs bark", "the dogs"])


def test_a_scorer_used_twice_in_one_pipeline_runs_once() -> None:
    cheap, strong = FakeScorer(), FakeScorer(lambda q, t: float(len(t)), name="strong")
    remembered = Score(Cached(strong))
    pipeline = Fuse(Score(cheap), remembered) >> Top(2) >> remembered
    ranking = pipeline(RANKING)
    assert sum(map(len, strong.calls)) == len(RANKING)
    assert [m.note.get("cached") for m in ranking[0].trail if m.stage == "strong"] == [None, True]


def test_it_gives_the_same_scores_and_keeps_the_laws() -> None:
    pairs = [("q", "a b"), ("q", "q"), ("q", "a b")]
    cached = Cached(FakeScorer())
    assert cached.score(pairs) == FakeScorer().score(pairs) == cached.score(pairs)
    assert cached.name == "fake-scorer"
    check_scorer(Cached(FakeScorer()))


def test_query_and_text_are_not_glued_together() -> None:
    cached = Cached(FakeScorer(lambda q, t: float(len(q))))
    assert cached.score([("ab", "c"), ("a", "bc")]) == [2.0, 1.0]


def test_the_least_recently_used_pair_goes_first() -> None:
    scorer = FakeScorer()
    cached = Cached(scorer, size=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        cached.score([("q", text)])
    assert [pair[1] for call in scorer.calls for pair in call] == ["a", "b", "c", "b"]


def test_a_batch_larger_than_the_cache_is_answered_whole() -> None:
    texts = [f"q {i}" for i in range(10)]
    assert len(Cached(FakeScorer(), size=3).score([("q", t) for t in texts])) == 10


def test_threads_may_share_it() -> None:
    cached = Cached(FakeScorer(lambda q, t: float(t)), size=50)
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            for i in range(200):
                n = (i * seed) % 97
                assert cached.score([("q", str(n))]) == [float(n)]
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (3, 5, 7, 11)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failures == []


def test_bad_arguments() -> None:
    with pytest.raises(InvalidInputError, match="at least 1"):
        Cached(FakeScorer(), size=0)
    with pytest.raises(InvalidInputError, match="remembers scorers"):
        Cached("builtin")  # type: ignore[arg-type]
