"""`rerank` loads a model once, whoever is first."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from secondpass import FunctionScorer, ModelError, Recipe, Score, Stage, Top, rerank

LOAD = "secondpass._rerank.as_stage"


def _stage() -> Stage:
    return Score(FunctionScorer(lambda query, candidate: float(len(candidate.text)), "length"))


def test_two_threads_that_are_first_load_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    both_are_here = threading.Barrier(2, timeout=30)
    second_load = threading.Event()
    loads: list[str] = []

    def slow(model: Any) -> Stage:
        loads.append(model)
        second_load.wait(0.5)  # time for the other thread to begin a second load
        return _stage()

    def ask(_: int) -> list[str]:
        both_are_here.wait()
        return rerank("query", ["a", "longer"], model="any:first").ids

    monkeypatch.setattr(LOAD, slow)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(ask, range(2))) == [["1", "0"]] * 2
    assert loads == ["any:first"]
    assert rerank("query", ["a", "longer"], model="any:first").ids == ["1", "0"]
    assert loads == ["any:first"]


def test_a_load_that_failed_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(model: Any) -> Stage:
        raise ModelError("out of reach")

    monkeypatch.setattr(LOAD, fail)
    for _ in range(2):
        with pytest.raises(ModelError, match="out of reach"):
            rerank("query", ["a"], model="any:unreachable")
    monkeypatch.setattr(LOAD, lambda model: _stage())
    assert rerank("query", ["a"], model="any:unreachable").ids == ["0"]


def test_the_two_models_used_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[str] = []
    monkeypatch.setattr(LOAD, lambda model: (loads.append(model), _stage())[1])
    for name in ("k:1", "k:2", "k:1", "k:3", "k:1", "k:2"):
        rerank("query", ["a"], model=name)
    assert loads == ["k:1", "k:2", "k:3", "k:2"]


def test_a_recipe_is_read_again_when_its_file_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "recipe.json"
    Recipe.of(Top(1)).save(file)
    assert len(rerank("query", ["a", "b"], model=file)) == 1
    Recipe.of(Top(2)).save(file)
    os.utime(file, ns=(1, 1))
    assert len(rerank("query", ["a", "b"], model=file)) == 2
