"""How high a threshold may be before questions lose their answers."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from secondpass import Candidate, JudgedQuery, Ranking

pytest.importorskip("bm25s")
pytest.importorskip("ir_measures")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def starting(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module("starting_threshold")


def _one(*candidates: tuple[float, bool]) -> tuple[JudgedQuery, Ranking]:
    docs = [Candidate(str(i), "text", score=p) for i, (p, _) in enumerate(candidates)]
    relevant = frozenset(str(i) for i, (_, label) in enumerate(candidates) if label)
    before = Ranking.of("q", [Candidate(c.id, c.text) for c in docs])
    return JudgedQuery(before, relevant), Ranking("q", tuple(docs), "probability")


def test_a_query_loses_its_answers_when_the_best_relevant_one_is_below(starting: Any) -> None:
    known = [
        _one((0.9, False), (0.15, True), (0.04, True)),
        _one((0.25, True), (0.01, False)),
        _one((0.9, False)),  # nothing to lose
    ]
    found = starting.losses([j for j, _ in known], [r for _, r in known])
    assert found["queries"] == 2
    assert found["lose_all"]["0.1"] == 0
    assert found["lose_all"]["0.2"] == 0.5
    assert found["lose_all"]["0.3"] == 1
    assert found["kept"]["0.2"] == 0.5


def test_the_highest_threshold_that_every_collection_can_bear(starting: Any) -> None:
    def losing(at: float) -> dict[str, Any]:
        return {"lose_all": {str(t): 0.06 if t >= at else 0.05 for t in starting.THRESHOLDS}}

    assert starting.starting_threshold({"a": losing(0.2), "b": losing(0.05)}) == 0.03
    assert starting.starting_threshold({"a": losing(0.0)}) is None
