"""Vectors come back as they went in, or are said to be damaged: for this model only, from many
threads and processes, whatever became of the file."""

from __future__ import annotations

import random
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from secondpass import ModelError
from secondpass.models.cache.disk import DiskCache
from secondpass.models.cache.sqlite_file import checksum
from secondpass.models.onnx.maxsim import MaxSim, MaxSimWeights, TextVectors
from secondpass.models.onnx.passage_cache import PassageCache

HIDDEN = 16
MATCHING = MaxSim(MaxSimWeights((1.0, 1.0)), HIDDEN)


def packed_of(seed: int, tokens: int = 5) -> bytes:
    return MATCHING.pack(vectors_of(seed, tokens))


def vectors_of(seed: int, tokens: int) -> TextVectors:
    rows = np.random.default_rng(seed).normal(size=(tokens + 1, HIDDEN)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return TextVectors(rows[1:], rows[0])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of twelve texts."""
    assert PassageCache(tmp_path / "v", "model@1", MATCHING.is_whole).add(TEXTS) is None
    return tmp_path / "v"


TEXTS = {f"text {i}": packed_of(i, tokens=20 * i) for i in range(1, 13)}


def store_of(path: Path) -> PassageCache:
    return PassageCache(path, "model@1", MATCHING.is_whole, lock_timeout=0.0)


@contextmanager
def locked(path: Path, kind: str) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"BEGIN {kind}")
        yield
        other.execute("ROLLBACK")


def test_they_come_back(tmp_path: Path) -> None:
    store = PassageCache(tmp_path / "v", "model@1", MATCHING.is_whole)
    added = {f"text {i}": vectors_of(i, tokens=i) for i in range(1, 700)}  # more than one question
    assert store.add({text: MATCHING.pack(vectors) for text, vectors in added.items()}) is None
    stored = PassageCache(tmp_path / "v", "model@1", MATCHING.is_whole).get([*added, "never seen"])
    assert stored.packed.keys() == added.keys()
    assert not stored.damaged
    assert stored.failure is None
    assert len(store) == len(added)
    for text, vectors in added.items():
        unpacked = MATCHING.unpack(stored.packed[text])
        np.testing.assert_allclose(unpacked.vectors, vectors.vectors, atol=0.005)
        np.testing.assert_allclose(unpacked.mean, vectors.mean, atol=0.005)


def test_zeros_and_odd_texts(tmp_path: Path) -> None:
    store = PassageCache(tmp_path / "v", "model@1", MATCHING.is_whole)
    zeros = TextVectors(np.zeros((1, HIDDEN), np.float32), np.zeros(HIDDEN, np.float32))
    zero = MATCHING.pack(zeros)
    store.add({"": zero, "broken \ud800": zero})
    assert store.get(["", "broken \ud800"]).packed.keys() == {"", "broken \ud800"}
    assert not MATCHING.unpack(store.get([""]).packed[""]).vectors.any()


def test_another_models_file_is_refused(path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds vectors of 'model@1', not of 'model@2'"):
        PassageCache(path, "model@2", MATCHING.is_whole)


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("CREATE TABLE passwords (name TEXT)")
        file.execute("INSERT INTO passwords VALUES ('secret')")


def foreign_in_wal_mode(path: Path) -> None:
    foreign(path)
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA journal_mode = WAL")


def of_an_earlier_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.executescript(
            "CREATE TABLE made_by (model TEXT NOT NULL, hidden INTEGER NOT NULL);"
            "CREATE TABLE texts (key BLOB PRIMARY KEY, rows BLOB NOT NULL) WITHOUT ROWID;"
            "INSERT INTO made_by VALUES ('model@1', 16);"
        )


def of_scores(path: Path) -> None:
    DiskCache(path)


def a_text(path: Path) -> None:
    path.write_text("no database " * 100)


def a_damaged_foreign_one(path: Path) -> None:
    foreign(path)
    path.write_bytes(path.read_bytes()[:-4096])


@pytest.mark.parametrize(
    "make",
    [foreign, foreign_in_wal_mode, of_an_earlier_version, of_scores, a_text, a_damaged_foreign_one],
)
def test_what_is_no_such_file_is_refused_and_left_as_it_is(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    file = tmp_path / "other.db"
    make(file)
    before = file.read_bytes()
    with pytest.raises(ModelError, match="cannot be used as a file of vectors"):
        PassageCache(file, "model@1", MATCHING.is_whole)
    assert file.read_bytes() == before


def test_a_file_that_became_another_one_is_left_as_it_is_too(path: Path) -> None:
    store = store_of(path)
    path.unlink()
    foreign(path)
    before = path.read_bytes()
    assert "not a file of vectors" in str(store.get(TEXTS).failure)
    assert "not a file of vectors" in str(store.add(TEXTS))
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be used as a file of vectors: unable to open"):
        PassageCache(tmp_path / "no folder" / "v", "model@1", MATCHING.is_whole)


def test_an_empty_file_becomes_one(tmp_path: Path) -> None:
    # SQLite leaves one where a process was killed as it made the file
    (tmp_path / "v").touch()
    assert store_of(tmp_path / "v").add(TEXTS) is None
    assert len(store_of(tmp_path / "v")) == len(TEXTS)


def test_a_file_that_may_not_be_written_is_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    read = store_of(path)
    assert read.read_only
    assert read.add({"new": packed_of(2)}) is None
    assert read.get([*TEXTS, "new"]).packed.keys() == TEXTS.keys()


def test_it_is_one_file_so_that_a_read_only_copy_is_whole(path: Path) -> None:
    store = store_of(path)
    store.add({"new": packed_of(2)})
    assert [file.name for file in path.parent.iterdir()] == ["v"]  # no log, no shared memory
    assert path.read_bytes()[18:20] == b"\1\1"  # how it is to be read: with a rollback journal


READ_ONLY = """
mount -t tmpfs none "$2" && cp "$1" "$2/v" && mount -o remount,ro "$2" || exit 77
exec "$3" -c "
import sys; sys.path.insert(0, sys.argv[2])
from test_passage_cache import *
store = store_of(Path(sys.argv[1], 'v'))
assert store.read_only and store.get(TEXTS).packed.keys() == TEXTS.keys()
assert store.add({'new': packed_of(2)}) is None and len(store) == len(TEXTS)
" "$2" "$4"
"""


def test_a_read_only_file_system(path: Path, tmp_path: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare, to mount a file system")
    (tmp_path / "mounted").mkdir()
    here = str(Path(__file__).parent)
    command = ["unshare", "-rm", "sh", "-c", READ_ONLY, "sh", path, tmp_path / "mounted"]
    command = [*command, sys.executable, here]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode in (1, 77) and "Traceback" not in ran.stderr:
        pytest.skip(f"may not mount a file system here: {ran.stderr}")
    assert ran.returncode == 0, ran.stderr


def change(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as file, file:
        assert file.execute(statement, values).rowcount == 1


def key_and_blob(path: Path, number: int) -> tuple[bytes, bytes]:
    with closing(sqlite3.connect(path)) as file:
        row = file.execute("SELECT key, vectors FROM texts ORDER BY key").fetchall()[number]
    return row[0], row[1]


@pytest.mark.parametrize(
    "damage",
    [
        lambda key, blob: blob[:-1] + bytes([blob[-1] ^ 1]),
        lambda key, blob: blob[: -(HIDDEN + 2)],
        lambda key, blob: blob[:5],
        lambda key, blob: b"",
        lambda key, blob: blob.hex(),
        lambda key, blob: 7,
        lambda key, blob: 0.5,
    ],
)
def test_a_damaged_row_is_told_and_replaced(
    path: Path, damage: Callable[[bytes, bytes], object]
) -> None:
    key, blob = key_and_blob(path, 0)
    change(path, "UPDATE texts SET vectors = ? WHERE key = ?", damage(key, blob), key)
    stored = store_of(path).get(TEXTS)
    (text,) = stored.damaged
    assert stored.packed.keys() == TEXTS.keys() - {text}
    assert stored.failure is None
    store_of(path).add({text: TEXTS[text]})
    assert store_of(path).get(TEXTS).packed.keys() == TEXTS.keys()


def test_a_row_under_another_texts_key_is_noticed(path: Path) -> None:
    (first, _), (second, blob) = key_and_blob(path, 0), key_and_blob(path, 1)
    statement = "UPDATE texts SET vectors = ?, checksum = ? WHERE key = ?"
    change(path, statement, blob, checksum(second, blob), first)
    assert len(store_of(path).get(TEXTS).damaged) == 1


@pytest.mark.parametrize("length", [HIDDEN + 2, 3 * (HIDDEN + 2) - 1])
def test_a_row_of_no_tokens_or_of_half_a_one_is_damaged(path: Path, length: int) -> None:
    key, _ = key_and_blob(path, 0)
    blob = bytes(length)
    statement = "UPDATE texts SET vectors = ?, checksum = ? WHERE key = ?"
    change(path, statement, blob, checksum(key, blob), key)
    assert len(store_of(path).get(TEXTS).damaged) == 1


def read_anything(path: Path, expected: dict[str, bytes]) -> str:
    """What a file gives that may be damaged, of which nothing may be wrong."""
    try:
        store = store_of(path)
    except ModelError:
        return "refused"
    stored = store.get(expected)
    assert all(expected[text] == packed for text, packed in stored.packed.items())
    store.add(TEXTS)  # nor is anything raised by what cannot be written
    if stored.failure is not None:
        return "failed"
    return "whole" if stored.packed.keys() == expected.keys() else "in part"


def test_no_flipped_bit_gives_other_vectors(path: Path, tmp_path: Path) -> None:
    expected = store_of(path).get(TEXTS).packed
    whole, rng = path.read_bytes(), random.Random(0)
    results = set()
    for number in range(300):
        flipped = bytearray(whole)
        for _ in range(rng.choice((1, 1, 5, 50))):
            # the first page every other time: there is what decides how others are read
            place = rng.randrange(len(whole) if number % 2 else 4096)
            flipped[place] ^= 1 << rng.randrange(8)
        (tmp_path / "flipped").write_bytes(flipped)
        results.add(read_anything(tmp_path / "flipped", expected))
    assert results == {"refused", "failed", "in part", "whole"}


def test_no_truncation_gives_other_vectors(path: Path, tmp_path: Path) -> None:
    expected = store_of(path).get(TEXTS).packed
    whole = path.read_bytes()
    cut = tmp_path / "cut"
    results = []
    for lost in (1, 100, 2000, 4096, 5000, len(whole) // 2, len(whole) - 600):
        cut.write_bytes(whole[:-lost])
        results.append(read_anything(cut, expected))
    assert "in part" in results  # the last page is filled with zeros: rows that look like rows
    assert "failed" in results
    assert "refused" not in results  # it is ours still, and a text can be read again


def test_a_locked_file_costs_vectors_and_raises_nothing(path: Path) -> None:
    store = store_of(path)
    with locked(path, "IMMEDIATE"):  # another process writes
        assert store.get(TEXTS).packed.keys() == TEXTS.keys()
        assert store.add(TEXTS) == "not written: database is locked"
    with locked(path, "EXCLUSIVE"):
        assert store.get(TEXTS).failure == "not read: database is locked"
        again = store_of(path)  # it may pass
    assert again.add(TEXTS) is None


def test_nobody_waits_longer_than_the_score_cache_does(tmp_path: Path) -> None:
    def waits(file: PassageCache | DiskCache) -> int:
        rows = file._rows if isinstance(file, PassageCache) else file
        with rows._file.reading() as connection:  # type: ignore[union-attr]
            return int(connection.execute("PRAGMA busy_timeout").fetchone()[0])

    assert waits(PassageCache(tmp_path / "v", "model@1", MATCHING.is_whole)) == 5000
    assert waits(DiskCache(tmp_path / "scores")) == 5000
    assert (
        waits(PassageCache(tmp_path / "v", "model@1", MATCHING.is_whole, lock_timeout=0.5)) == 500
    )


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 5000, 20_000])
def test_a_full_disk_costs_vectors_and_raises_nothing(tmp_path: Path, size: int) -> None:
    with files_of_at_most(size):
        store = store_of(tmp_path / "v")
        assert "not written: " in str(store.add({"long": packed_of(1, tokens=3000)}))
        assert not store.get(["long"]).packed
    assert store.add({"long": packed_of(1, tokens=3000)}) is None  # there is room again
    assert store.get(["long"]).packed.keys() == {"long"}


def test_threads_and_processes_share_a_file(tmp_path: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_passage_cache import *\n"
        "store = PassageCache(sys.argv[2], 'model@1', MATCHING.is_whole, lock_timeout=60)\n"
        "for i in range(50): assert store.add({f'{sys.argv[3]} {i}': packed_of(i)}) is None\n"
    )
    here, file = str(Path(__file__).parent), str(tmp_path / "v")
    others = [
        subprocess.Popen([sys.executable, "-c", script, here, file, name]) for name in ("a", "b")
    ]
    store = PassageCache(file, "model@1", MATCHING.is_whole, lock_timeout=60)
    with ThreadPoolExecutor(4) as pool:
        failures = list(pool.map(lambda i: store.add({f"c {i}": packed_of(i)}), range(50)))
    assert failures == [None] * 50
    assert [other.wait(120) for other in others] == [0, 0]
    assert len(store) == 150
