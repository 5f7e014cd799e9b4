"""The other places of a `PassageCache`: an LMDB file, and folders of 16 files."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import lmdb
import numpy as np
import pytest

from secondpass import ModelError, Ranking, load
from secondpass.models.onnx.maxsim import MaxSim, MaxSimWeights, TextVectors
from secondpass.models.onnx.passage_cache import PassageCache

HIDDEN = 16
MATCHING = MaxSim(MaxSimWeights((10.0, 1.0)), HIDDEN)
PLACES = ["vectors.lmdb", "many/", "many.lmdb/"]


def vectors_of(seed: int, tokens: int = 5) -> TextVectors:
    rows = np.random.default_rng(seed).normal(size=(tokens + 1, HIDDEN)).astype(np.float32)
    return TextVectors(rows[1:] / np.linalg.norm(rows[1:], axis=1, keepdims=True), rows[0])


TEXTS = {f"text {i}": MATCHING.pack(vectors_of(i, tokens=20 * i)) for i in range(1, 40)}


@pytest.fixture(params=PLACES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    place = tmp_path / request.param
    if request.param.endswith("/"):
        place.mkdir()
    return place


def store_of(path: Path, model: str = "model@1") -> PassageCache:
    return PassageCache(path, model, MATCHING.is_whole)


def test_they_come_back_from_every_place(path: Path) -> None:
    store = store_of(path)
    assert len(store) == 0
    assert store.add(TEXTS) is None
    assert store.add(dict(list(TEXTS.items())[:3])) is None  # in place of what was there
    again = store_of(path)
    stored = again.get([*TEXTS, "never seen"])
    assert stored.packed.keys() == TEXTS.keys()
    assert (stored.damaged, stored.failure, len(again)) == (set(), None, len(TEXTS))
    assert stored.packed == TEXTS


def test_another_models_are_refused(path: Path) -> None:
    store_of(path).add(TEXTS)
    with pytest.raises(ModelError, match=r"holds vectors of 'model@1', not of 'model@2'"):
        store_of(path, "model@2")


def test_what_is_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    text = tmp_path / "text.lmdb"
    text.write_text("no LMDB file " * 500)
    with pytest.raises(ModelError, match="is no LMDB file, so it was left as it is"):
        store_of(text)
    assert text.read_text() == "no LMDB file " * 500
    other = tmp_path / "other.lmdb"
    with lmdb.open(str(other), subdir=False) as file, file.begin(write=True) as transaction:
        transaction.put(b"key", b"value")
    with pytest.raises(ModelError, match="is an LMDB file and not a file of vectors"):
        store_of(other)
    sqlite = tmp_path / "sqlite.lmdb"
    PassageCache(tmp_path / "sqlite", "model@1", MATCHING.is_whole).add(TEXTS)
    (tmp_path / "sqlite").rename(sqlite)
    with pytest.raises(ModelError, match="is no LMDB file"):
        store_of(sqlite)
    with pytest.raises(ModelError, match="cannot be used as a file of vectors"):
        store_of(tmp_path / "no such folder" / "v.lmdb")


def test_a_file_that_is_cut_short_ends_no_process(tmp_path: Path) -> None:
    path = tmp_path / "v.lmdb"
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "import test_passage_rows as t\n"
        "t.store_of(t.Path(sys.argv[1])).add(t.TEXTS)"
    )
    folder = str(Path(__file__).parent)
    subprocess.run([sys.executable, "-c", code, str(path), folder], check=True)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(ModelError, match="is cut short; delete it"):
        store_of(path)


def test_a_damaged_row_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "v.lmdb"
    store = store_of(path)
    store.add(TEXTS)
    with store._rows._environment().begin(write=True) as transaction:  # type: ignore[attr-defined]
        (key, value) = next((k, v) for k, v in transaction.cursor() if len(k) == 16)
        transaction.put(key, value[:-1] + bytes([value[-1] ^ 1]))
    stored = store.get(TEXTS)
    assert len(stored.damaged) == 1
    assert len(stored.packed) == len(TEXTS) - 1
    assert store.add({text: TEXTS[text] for text in stored.damaged}) is None
    assert store.get(TEXTS).packed.keys() == TEXTS.keys()


def _add(path: Path, first: int) -> None:
    store = store_of(path)
    for i in range(first, first + 20):
        failure = store.add({f"more {i}": MATCHING.pack(vectors_of(i))})
        assert failure is None, failure


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_processes_write_at_the_same_time_while_this_one_reads(path: Path) -> None:
    store = store_of(path)
    store.add(TEXTS)
    context = multiprocessing.get_context("fork")  # with the file open in this one
    writers = [context.Process(target=_add, args=(path, first)) for first in (100, 200, 300)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert store.get(TEXTS).packed.keys() == TEXTS.keys()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert len(store.get([f"more {i}" for i in (100, 219, 319, 300)]).packed) == 4
    assert len(store) == len(TEXTS) + 60


def test_a_file_that_was_deleted_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "v.lmdb"
    first = store_of(path)
    first.add(TEXTS)
    path.unlink()
    assert len(store_of(path)) == 0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_file_that_may_only_be_read(tmp_path: Path) -> None:
    path = tmp_path / "v.lmdb"
    store_of(path).add(TEXTS)
    path.chmod(0o400)
    store = store_of(path)
    assert store.read_only
    assert store.get(TEXTS).packed.keys() == TEXTS.keys()
    assert store.add({"new": MATCHING.pack(vectors_of(1))}) is None


def test_the_built_in_model_keeps_its_vectors_there(tmp_path: Path) -> None:
    (tmp_path / "many.lmdb").mkdir()
    texts = ["Goethe wrote Faust.", "Cats sleep for most of the day."]
    ranking = Ranking.of("who wrote Faust?", texts)
    plain = load("builtin")(ranking)
    for place in ("one.lmdb", "many.lmdb"):
        load(f"builtin-split:{tmp_path / place}")(ranking)
        stored = load(f"builtin-split:{tmp_path / place}")(ranking)
        assert stored.scores == pytest.approx(plain.scores, abs=0.01)
        assert all(candidate.trail[0].note.get("stored") for candidate in stored)
