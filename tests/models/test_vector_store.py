"""Vectors come back as they went in, for this model only, from many threads and processes."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from secondpass import ModelError
from secondpass.models.token_matching import TextVectors
from secondpass.models.vector_store import VectorStore

HIDDEN = 16


def made(seed: int, tokens: int = 5) -> TextVectors:
    rows = np.random.default_rng(seed).normal(size=(tokens + 1, HIDDEN)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return TextVectors(rows[1:], rows[0])


def test_they_come_back(tmp_path: Path) -> None:
    store = VectorStore(tmp_path / "v", "model@1", HIDDEN)
    given = {f"text {i}": made(i, tokens=i) for i in range(1, 700)}  # more than one question
    store.add(given)
    store.add({"text 1": made(99, tokens=1)})  # known already
    found = VectorStore(tmp_path / "v", "model@1", HIDDEN).get([*given, "never seen"])
    assert found.keys() == given.keys()
    assert len(store) == len(given)
    for text, vectors in given.items():
        np.testing.assert_allclose(found[text].unpacked().vectors, vectors.vectors, atol=0.005)
        np.testing.assert_allclose(found[text].unpacked().mean, vectors.mean, atol=0.005)


def test_zeros_and_odd_texts(tmp_path: Path) -> None:
    store = VectorStore(tmp_path / "v", "model@1", HIDDEN)
    zero = TextVectors(np.zeros((1, HIDDEN), np.float32), np.zeros(HIDDEN, np.float32))
    store.add({"": zero, "broken \ud800": zero})
    assert store.get(["", "broken \ud800"]).keys() == {"", "broken \ud800"}
    assert not store.get([""])[""].unpacked().vectors.any()


def test_another_models_file_is_refused(tmp_path: Path) -> None:
    VectorStore(tmp_path / "v", "model@1", HIDDEN)
    with pytest.raises(ModelError, match=r"holds vectors of 'model@1', not of 'model@2'"):
        VectorStore(tmp_path / "v", "model@2", HIDDEN)


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no database " * 100)
    with pytest.raises(ModelError, match="cannot be used as a file of vectors"):
        VectorStore(tmp_path / "notes.txt", "model@1", HIDDEN)
    with pytest.raises(ModelError, match="cannot be used as a file of vectors"):
        VectorStore(tmp_path / "no folder" / "v", "model@1", HIDDEN)


def test_a_file_that_may_not_be_written_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = VectorStore(tmp_path / "v", "model@1", HIDDEN)
    store.add({"known": made(1)})
    store.close()
    monkeypatch.setattr("os.access", lambda path, mode: False)
    read = VectorStore(tmp_path / "v", "model@1", HIDDEN)
    read.add({"new": made(2)})
    assert read.read_only
    assert read.get(["known", "new"]).keys() == {"known"}


def test_threads_and_processes_share_a_file(tmp_path: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_vector_store import *\n"
        "store = VectorStore(sys.argv[2], 'model@1', HIDDEN)\n"
        "for i in range(50): store.add({f'{sys.argv[3]} {i}': made(i)})\n"
    )
    here, file = str(Path(__file__).parent), str(tmp_path / "v")
    others = [
        subprocess.Popen([sys.executable, "-c", script, here, file, name]) for name in ("a", "b")
    ]
    store = VectorStore(file, "model@1", HIDDEN)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: store.add({f"c {i}": made(i)}), range(50)))
    assert [other.wait(120) for other in others] == [0, 0]
    assert len(store) == 150
