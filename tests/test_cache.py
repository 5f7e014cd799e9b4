from __future__ import annotations

import copy
import math
import os
import pickle
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest

from secondpass import (
    Cached,
    Candidate,
    Fuse,
    InvalidInputError,
    Ranking,
    Recipe,
    RecipeError,
    Score,
    ScoreError,
    Top,
    load,
)
from secondpass.models.cache.disk import DiskCache
from secondpass.stages import Note, Pair
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


class Slow:
    """Counts what it scores, and can be held up or made to fail."""

    name = "slow"

    def __init__(self) -> None:
        self.started, self.go = threading.Event(), threading.Event()
        self.seen: list[str] = []
        self.broken = False

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        self.seen += [text for _, text in pairs]
        self.started.set()
        assert self.go.wait(10)
        if self.broken:
            self.broken = False
            raise RuntimeError("out of memory")
        return [float(len(text)) for _, text in pairs]


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_overlapping_batches_at_the_same_time_compute_each_pair_once() -> None:
    slow = Slow()
    cached = Cached(slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cached.score_with_notes, [("q", "a"), ("q", "bb")])
        assert slow.started.wait(10)
        second = pool.submit(cached.score_with_notes, [("q", "bb"), ("q", "ccc")])
        _until(lambda: "ccc" in slow.seen)
        slow.go.set()
        assert first.result(10) == ([1.0, 2.0], [{}, {}])
        assert second.result(10) == ([2.0, 3.0], [{"cached": True}, {}])
    assert sorted(slow.seen) == ["a", "bb", "ccc"]
    assert cached._pending == {}


def test_the_failure_of_one_is_not_the_failure_of_those_who_wait() -> None:
    slow = Slow()
    slow.broken = True
    cached = Cached(slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cached.score, [("q", "a"), ("q", "bb")])
        assert slow.started.wait(10)
        second = pool.submit(cached.score, [("q", "bb")])
        slow.go.set()
        with pytest.raises(RuntimeError, match="out of memory"):
            first.result(10)
        assert second.result(10) == [2.0]
    assert cached._pending == {}
    assert cached.score([("q", "a")]) == [1.0]


def test_many_threads_asking_alike_compute_each_pair_once() -> None:
    scorer = FakeScorer(lambda q, t: float(t))
    cached = Cached(scorer)
    pairs = [("q", str(n)) for n in range(60)]
    shuffled = [random.Random(seed).sample(pairs, len(pairs)) for seed in range(40)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(cached.score, shuffled))
    assert results == [[float(t) for _, t in some] for some in shuffled]
    assert sum(map(len, scorer.calls)) == len(pairs)


def test_a_wrong_number_of_scores_is_an_error_and_nothing_is_remembered() -> None:
    class Short(FakeScorer):
        def score(self, pairs: Sequence[Pair]) -> list[float]:
            return super().score(pairs)[1:]

    cached = Cached(Short())
    for _ in range(2):
        with pytest.raises(ScoreError, match="1 scores for 2 pairs"):
            cached.score([("q", "a"), ("q", "b")])


def test_what_is_not_finite_is_not_remembered() -> None:
    scorer = FakeScorer(lambda q, t: math.nan)
    cached = Cached(scorer)
    assert math.isnan(cached.score([("q", "a")])[0])
    assert math.isnan(cached.score([("q", "a")])[0])
    assert len(scorer.calls) == 2


def test_a_pickled_copy_works_and_starts_empty() -> None:
    cached = Cached(FakeScorer(), size=7)
    cached.score([("q", "q")])
    copy = pickle.loads(pickle.dumps(cached))
    assert copy.size == 7
    assert copy.score_with_notes([("q", "q")]) == ([1.0], [{}])


def test_the_disk_keeps_scores_and_notes_between_runs(tmp_path: Path) -> None:
    class Noted(FakeScorer):
        def score_with_notes(self, pairs: Sequence[Pair]) -> tuple[list[float], list[Note]]:
            return self.score(pairs), [{"cut_tokens": 3}] * len(pairs)

    pairs = [("q", "q \ud800"), ("q", "naïve"), ("q", "x" * 5000)]
    file = tmp_path / "new folder" / "scores.db"
    scores, notes = Cached(Noted(), disk=file).score_with_notes(pairs)
    assert notes == [{"cut_tokens": 3}] * 3
    later = Noted()
    again = Cached(later, disk=file).score_with_notes(pairs)
    assert again == (scores, [{"cut_tokens": 3, "cached": True}] * 3)
    assert later.calls == []
    check_scorer(Cached(FakeScorer(), disk=file))


class Reads:
    """A scorer whose every argument counts, for it does not say which do."""

    name = "model@1"

    def __init__(self, max_length: int, threads: int = 1, **more: object) -> None:
        self.max_length, self.threads, self.more = max_length, threads, more
        self.asked = 0

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        self.asked += len(pairs)
        return [float(self.max_length)] * len(pairs)


class States(Reads):
    """One that says so."""

    @property
    def cache_key(self) -> str:
        return f"{self.max_length} tokens"


class Holds:
    """A scorer that is given any object."""

    name = "model@1"

    def __init__(self, thing: object) -> None:
        self.thing, self.asked = thing, 0

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        self.asked += len(pairs)
        return [1.0] * len(pairs)


def asked(scorer: Reads | Holds, file: Path) -> int:
    """How many of one pair the scorer computed, with what other scorers left in the file."""
    Cached(scorer, disk=file).score([("q", "a")])
    return scorer.asked


def test_scorers_with_other_names_or_arguments_do_not_mix_on_disk(tmp_path: Path) -> None:
    file = tmp_path / "scores.db"
    assert [asked(Reads(n, t), file) for n, t in ((64, 1), (512, 1), (64, 2), (64, 1))] == [
        1,
        1,
        1,
        0,
    ]
    assert Cached(Reads(512), disk=file).score([("q", "a")]) == [512.0]
    assert Cached(FakeScorer(name="model@2"), disk=file).score([("q", "q")]) == [1.0]


def test_a_scorer_may_state_what_its_scores_depend_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "scores.db"
    assert [asked(States(n, t), file) for n, t in ((64, 1), (512, 1), (64, 2))] == [1, 1, 0]
    wrong = States(64)
    monkeypatch.setattr(States, "cache_key", 7)
    with pytest.raises(
        InvalidInputError, match=r"cache_key of 'model@1' must be a string, got int 7"
    ):
        Cached(wrong)


@pytest.mark.parametrize(
    ("thing", "other"),
    [
        ([1, {"a": (2.0, None)}], [1, {"a": (2.0, 0)}]),
        (Path("a"), Path("b")),
        (math.sin, math.cos),
        (asked, Reads),
        (Candidate("0", "text"), Candidate("0", "other")),
        (FakeScorer(name="a"), FakeScorer(name="b")),
    ],
)
def test_arguments_of_every_kind_count(tmp_path: Path, thing: object, other: object) -> None:
    file = tmp_path / "scores.db"
    assert [asked(Holds(thing), file), asked(Holds(other), file)] == [1, 1]
    again = asked(Holds(copy.deepcopy(thing)), file)
    assert again == (1 if thing is math.sin else 0)


def test_what_cannot_be_told_apart_is_computed_again(tmp_path: Path) -> None:
    file = tmp_path / "scores.db"
    some = object()
    assert [asked(Holds(some), file) for _ in range(2)] == [1, 1]
    assert [asked(Holds(lambda: None), file) for _ in range(2)] == [1, 1]


def test_the_disk_is_bounded_and_the_oldest_go_first(tmp_path: Path) -> None:
    file = tmp_path / "scores.db"
    cached = Cached(FakeScorer(), size=1, disk=file, disk_size=5)
    for i in range(12):
        cached.score([("q", f"{i} {j}") for j in range(2)])
    assert len(DiskCache(file, 5)) == 5
    last = Cached(FakeScorer(), disk=file).score_with_notes([("q", "11 1"), ("q", "0 0")])[1]
    assert last == [{"cached": True}, {}]


def test_a_damaged_or_unusable_file_is_said_at_once(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"not a database" * 500)
    read_only = tmp_path / "read_only.db"
    DiskCache(read_only)
    raw = bytearray(read_only.read_bytes())
    raw[18] = 9  # a format of the future, which SQLite reads and does not write
    read_only.write_bytes(raw)
    for path in (damaged, read_only, tmp_path, damaged / "below.db"):
        with pytest.raises(InvalidInputError, match="cannot keep scores in"):
            Cached(FakeScorer(), disk=path)
    with pytest.raises(InvalidInputError, match="remembers nothing"):
        Cached(FakeScorer(), disk=tmp_path / "x.db", disk_size=0)


def test_a_disk_that_fails_later_costs_no_scores_and_is_told(tmp_path: Path) -> None:
    file = tmp_path / "scores.db"
    cached = Cached(FakeScorer(), disk=file)
    file.write_bytes(b"not a database" * 500)
    ranking = Score(cached)(RANKING)
    assert ranking.scores == Score(FakeScorer())(RANKING).scores
    assert all("not a database" in c.trail[-1].note["disk_cache_failed"] for c in ranking)
    assert [e.kind for e in ranking.events] == ["disk-cache-failed"]
    assert "not read: file is not a database; 3 of 3" in ranking.events[0].message
    again = Score(cached)(RANKING)
    assert [c.trail[-1].note for c in again] == [{"cached": True}] * 3
    assert again.events == ()
    file.unlink()
    DiskCache(file)  # repaired: used again
    assert cached.score_with_notes([("q", "new")])[1] == [{}]
    assert len(DiskCache(file)) == 1


def keys_and_scores(file: Path) -> dict[bytes, float]:
    with closing(sqlite3.connect(file)) as connection:
        return dict(connection.execute("SELECT key, score FROM scores ORDER BY age").fetchall())


@pytest.mark.parametrize(
    "change", ["score = 4.5", "score = 'x'", "note = '{\"x\": 1}'", "note = NULL", "key = x'00'"]
)
def test_a_damaged_row_is_computed_again_and_told(tmp_path: Path, change: str) -> None:
    file = tmp_path / "scores.db"
    scores = Score(Cached(FakeScorer(), disk=file))(RANKING).scores
    (first, *_) = keys_and_scores(file)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '')")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"UPDATE scores SET {change} WHERE key = ?", (first,))
    ranking = Score(Cached(FakeScorer(), disk=file))(RANKING)
    assert ranking.scores == scores
    damaged = [c.trail[-1].note.get("stored_score_damaged") for c in ranking]
    if change.startswith("key"):  # a pair that was never asked
        assert damaged == [None] * 3
        return
    assert sorted(map(str, damaged)) == ["None", "None", "True"]
    assert [e.kind for e in ranking.events] == ["stored-score-damaged"]
    after = Score(Cached(FakeScorer(), disk=file))(RANKING)
    assert after.events == ()
    assert all(c.trail[-1].note == {"cached": True} for c in after)


def test_a_row_under_another_key_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "scores.db"
    cached = Cached(FakeScorer(), disk=file)
    expected = cached.score([("a b", "a b"), ("a b", "c")])
    first, second = keys_and_scores(file)
    with closing(sqlite3.connect(file)) as connection, connection:
        for key, other in ((first, b"0"), (second, first), (b"0", second)):
            connection.execute("UPDATE scores SET key = ? WHERE key = ?", (other, key))
    scores, notes = Cached(FakeScorer(), disk=file).score_with_notes([("a b", "a b"), ("a b", "c")])
    assert scores == expected
    assert notes == [{"stored_score_damaged": True}] * 2


def score_with(path: Path, pairs: list[Pair]) -> list[float] | None:
    """What a file gives that may be damaged; None where it is refused."""
    try:
        cached = Cached(FakeScorer(), disk=path)
    except InvalidInputError:
        return None
    return cached.score(pairs)


def test_no_flipped_bit_and_no_truncation_gives_another_score(tmp_path: Path) -> None:
    file, copied = tmp_path / "scores.db", tmp_path / "copy.db"
    pairs = [("a b c d", " ".join("abcd"[: n % 5]) + f" {n}") for n in range(60)]
    expected = Cached(FakeScorer(), disk=file).score(pairs)
    whole, rng = file.read_bytes(), random.Random(0)
    changed = [whole[:-lost] for lost in range(50, len(whole), 499)]
    for number in range(200):
        flipped = bytearray(whole)
        place = rng.randrange(len(whole) if number % 4 else 4096)
        flipped[place] ^= 1 << rng.randrange(8)
        changed.append(bytes(flipped))
    results = []
    for content in changed:
        copied.write_bytes(content)
        results.append(score_with(copied, pairs))
    assert all(scores in (None, expected) for scores in results)
    assert results.count(expected) > len(results) * 0.8


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("CREATE TABLE passwords (name TEXT)")


def of_an_earlier_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("CREATE TABLE secondpass_scores (key BLOB)")
        file.execute("PRAGMA user_version = 1")


@pytest.mark.parametrize("make", [foreign, of_an_earlier_version])
def test_another_database_is_refused_and_left_as_it_is(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "other.db")
    before = (tmp_path / "other.db").read_bytes()
    with pytest.raises(
        InvalidInputError, match=r"not a file of scores.*delete it if it is an older"
    ):
        DiskCache(tmp_path / "other.db")
    assert (tmp_path / "other.db").read_bytes() == before


def test_a_locked_file_costs_no_scores(tmp_path: Path) -> None:
    file = tmp_path / "scores.db"
    DiskCache(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        store = DiskCache(file, lock_timeout=0.0)  # it may pass
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            store.get([b"key"])
        other.execute("ROLLBACK")
    assert store.get([b"key"]) == ({}, set())


FORK = """
import os, sys, threading
from secondpass import Cached

class Slow:
    name = "slow"
    entered, go = threading.Event(), threading.Event()

    def score(self, pairs):
        if threading.current_thread() is not threading.main_thread():
            self.entered.set()
            self.go.wait()
        return [float(len(text)) for _, text in pairs]

cached = Cached(Slow())
assert cached.score([("q", "known")]) == [5.0]
thread = threading.Thread(target=cached.score, args=([("q", "slow one")],))
thread.start()
Slow.entered.wait()
child = os.fork()
if not child:
    right = cached.score_with_notes([("q", "slow one"), ("q", "known")])
    os._exit(0 if right == ([8.0, 5.0], [{}, {"cached": True}]) else 1)
_, status = os.waitpid(child, 0)
Slow.go.set()
thread.join()
assert cached.score_with_notes([("q", "slow one")]) == ([8.0], [{"cached": True}])
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_waits_for_no_thread_of_its_parent() -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        assert process.wait(timeout=120) == 0  # it hung for ever
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_scorer_that_forks_inside_a_computation() -> None:
    class Forks(FakeScorer):
        def score(self, pairs: Sequence[Pair]) -> list[float]:
            cached._forget_threads()  # what a fork does in the child, which goes on from here
            return super().score(pairs)

    cached = Cached(Forks())
    assert cached.score([("q", "q")]) == [1.0]
    assert cached.score_with_notes([("q", "q")]) == ([1.0], [{"cached": True}])


def test_a_note_that_json_cannot_keep_is_told(tmp_path: Path) -> None:
    class Odd(FakeScorer):
        def score_with_notes(self, pairs: Sequence[Pair]) -> tuple[list[float], list[Note]]:
            return self.score(pairs), [{"odd": object()} for _ in pairs]

    _, (note,) = Cached(Odd(), disk=tmp_path / "scores.db").score_with_notes([("q", "a")])
    assert "not written" in note["disk_cache_failed"]


PROCESS = """
import sys
from secondpass import Cached
from secondpass.testing import FakeScorer
def number(query, text):
    return float(text)
scorer = FakeScorer(number)
cached = Cached(scorer, size=1, disk=sys.argv[1])
for n in range(int(sys.argv[2]), int(sys.argv[3])):
    some = [("q", str(i)) for i in range(n, n + 10)]
    assert cached.score(some) == [float(i) for i in range(n, n + 10)]
print(sum(map(len, scorer.calls)))
"""


def test_two_processes_share_a_file(tmp_path: Path) -> None:
    file = str(tmp_path / "scores.db")

    def start(first: int, last: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", PROCESS, file, str(first), str(last)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    both = [start(0, 60), start(20, 80)]  # at the same time, on many of the same pairs
    for process in both:
        assert process.communicate(timeout=60)[0]
        assert process.returncode == 0
    assert len(DiskCache(file)) == 89
    after = start(0, 80)
    assert after.communicate(timeout=60)[0].strip() == "0"  # nothing is left to compute


def test_load_with_a_disk_cache(tmp_path: Path) -> None:
    stage = load("builtin:raw", disk_cache=tmp_path / "scores.db")
    assert isinstance(stage, Score)
    assert isinstance(stage.scorer, Cached)
    assert "disk" not in str(Recipe.of(stage).to_dict())
    before = stage(RANKING)
    after = load("builtin:raw", cache=10, disk_cache=tmp_path / "scores.db")(RANKING)
    assert after.scores == before.scores
    assert all(c.trail[-1].note["cached"] for c in after)


def test_a_recipe_from_a_stranger_names_no_file_to_write(tmp_path: Path) -> None:
    data = Recipe.of(Score(Cached(load("builtin:raw").scorer))).to_dict()  # type: ignore[attr-defined]
    data["pipeline"]["scorer"]["disk"] = str(tmp_path / "scores.db")
    with pytest.raises(
        RecipeError,
        match=r"pipeline\.scorer\.disk: no recipe may hold 'disk': it names a file to write",
    ):
        Recipe.of_dict(data).stage()
    assert list(tmp_path.iterdir()) == []


def test_bad_arguments() -> None:
    with pytest.raises(InvalidInputError, match="at least 1"):
        Cached(FakeScorer(), size=0)
    with pytest.raises(InvalidInputError, match="remembers scorers"):
        Cached("builtin")  # type: ignore[arg-type]
