"""Stores of small texts: a fifth of the bytes, and the same score before and after."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from secondpass import ModelError, Ranking, load
from secondpass.models.builtin.model import Builtin
from secondpass.models.onnx.packing import STEPS, bytes_of_a_vector, pack_levels, unpack_levels
from secondpass.models.onnx.passage_rows import is_small

QUERY = "who wrote Faust?"
TEXTS = [
    "Johann Wolfgang von Goethe wrote the play Faust, published in two parts.",
    "Cats sleep for most of the day, often in sunny places and on warm machines.",
    "Faust is a district of a small town, and nobody wrote a book about its streets.",
    "",
    "Marlowe wrote Doctor Faustus two hundred years before. " * 8,
]


def unit_rows(count: int, hidden: int) -> np.ndarray:
    rows = np.random.default_rng(0).normal(size=(count, hidden)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("levels", sorted(STEPS))
@pytest.mark.parametrize("hidden", [384, 37])
def test_products_keep_their_size(levels: int, hidden: int) -> None:
    rows = unit_rows(40, hidden)
    packed = pack_levels(rows, levels)
    assert len(packed) == 40 * bytes_of_a_vector(hidden, levels)
    again = unpack_levels(packed, hidden, levels)
    assert again.shape == rows.shape
    assert (again * rows).sum(1) == pytest.approx(np.ones(40), abs=2e-3)
    assert np.isfinite(
        unpack_levels(pack_levels(np.zeros((1, hidden), np.float32), levels), hidden, levels)
    ).all()


def test_the_name_says_which_stores_are_small() -> None:
    small = ["a.small", "b/c.small.lmdb", Path("a.vectors.small")]
    assert all(map(is_small, small))
    assert not any(map(is_small, ["a", "a.lmdb", "small", "a.small.vectors", "a.lmdb.small.db"]))


@pytest.mark.parametrize("name", ["v.small", "v.small.lmdb", "folder.small"])
def test_scores_are_the_same_before_and_after_and_near_the_models(
    tmp_path: Path, name: str
) -> None:
    if name.startswith("folder"):
        (tmp_path / name).mkdir()
    small, whole = load(f"builtin-split:{tmp_path / name}"), load("builtin")
    asked = Ranking.of(QUERY, TEXTS)
    first, again, exact = small(asked), small(asked), whole(asked)
    assert first.scores == pytest.approx(again.scores, abs=1e-6)
    assert (first.ids, first.ids[0]) == (again.ids, exact.ids[0])
    assert all(c.trail[0].note.get("stored") for c in again)
    assert not any(c.trail[0].note.get("stored") for c in first)
    exactly = dict(zip(exact.ids, exact.scores, strict=True))
    for candidate in first:
        assert candidate.score == pytest.approx(exactly[candidate.id], abs=0.1)


def test_it_takes_a_fifth_of_the_bytes(tmp_path: Path) -> None:
    one, other = Builtin(vectors=tmp_path / "v"), Builtin(vectors=tmp_path / "v.small")
    text = TEXTS[4]
    for model in (one, other):
        assert model.encode([text]) == 1
        assert model.encode([text]) == 0
    sizes = [len(m._store.get([text]).packed[text]) for m in (one, other) if m._store]
    assert sizes[1] < 0.25 * sizes[0]
    assert one.cache_key != other.cache_key


def test_a_store_under_another_name_is_refused(tmp_path: Path) -> None:
    Builtin(vectors=tmp_path / "v").encode(TEXTS)
    (tmp_path / "v").rename(tmp_path / "v.small")
    with pytest.raises(ModelError, match=r"512 tokens', not of '.*512 tokens, small'"):
        Builtin(vectors=tmp_path / "v.small")
