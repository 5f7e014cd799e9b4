"""Every function takes the same systems."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from secondpass import InvalidInputError, Recipe, load
from secondpass.bench import measure
from secondpass.evaluate import (
    Collection,
    FrameworkRetriever,
    compare,
    depth_curve,
    evaluate,
    two_stage_cost,
)
from secondpass.evaluate.systems import System
from secondpass.report import report

Use = Callable[[System, Collection], object]
ALL_SYSTEMS: dict[str, Use] = {
    "evaluate": lambda system, c: evaluate(system, c, "RR@10").means["RR@10"],
    "compare": lambda system, c: compare(c, None, {"it": system}).difference("it").mean,
    "baseline": lambda system, c: compare(c, system, "bm25").difference(BM25).baseline,
    "report": lambda system, c: (
        report(c, {"it": system}, depths=()).comparison.difference("it").mean
    ),
}
RERANKERS: dict[str, Use] = {
    "depth_curve": lambda system, c: depth_curve(
        system, c, depths=(8,), timed=1, repeats=1
    ).points[0].quality,
    "cheap": lambda system, c: two_stage_cost(
        system, "bm25", c, ks=(4,), timed=1, repeats=1
    ).points[0].quality,
    "expensive": lambda system, c: two_stage_cost(
        "bm25", system, c, ks=(4,), timed=1, repeats=1
    ).alone.quality,
    "measure": lambda system, c: (
        measure(system, {"short": ["a b"]}, depths=(1,), seconds=0, settings=(), launch=None)
        and 1.0
    ),
}  # fmt: skip
BM25 = load("bm25").name


class Retriever:
    """Finds what has the query's word, as LangChain's retrievers do."""

    def invoke(self, query: str) -> list[object]:
        return []


def spellings(folder: Path) -> dict[str, System]:
    """BM25 in every way that names a stage."""
    Recipe.of(load("bm25")).save(folder / "bm25.json")
    return {
        "model string": "bm25",
        "stage": load("bm25"),
        "recipe": Recipe.of(load("bm25")),
        "dict of a recipe": Recipe.of(load("bm25")).to_dict(),
        "path": folder / "bm25.json",
        "path as a string": str(folder / "bm25.json"),
    }


@pytest.mark.parametrize("use", [*ALL_SYSTEMS, *RERANKERS])
def test_every_way_to_name_a_stage(use: str, plants: Collection, tmp_path: Path) -> None:
    few = plants.head(2)
    results = {
        name: (ALL_SYSTEMS | RERANKERS)[use](system, few)
        for name, system in spellings(tmp_path).items()
    }
    assert results == dict.fromkeys(results, 1.0)


@pytest.mark.parametrize("use", ALL_SYSTEMS)
def test_a_retriever_wrapped_or_not(use: str, plants: Collection) -> None:
    for system in (Retriever(), FrameworkRetriever(Retriever())):
        assert ALL_SYSTEMS[use](system, plants.head(2)) == 0


@pytest.mark.parametrize("use", RERANKERS)
def test_a_retriever_is_not_a_reranker(use: str, plants: Collection) -> None:
    with pytest.raises(InvalidInputError, match="Retriever brings its own candidates, "):
        RERANKERS[use](Retriever(), plants.head(2))


@pytest.mark.parametrize("use", [*ALL_SYSTEMS, *RERANKERS])
def test_what_names_nothing(use: str, plants: Collection) -> None:
    with pytest.raises(InvalidInputError, match="give a model string"):
        (ALL_SYSTEMS | RERANKERS)[use](3, plants)  # type: ignore[arg-type]
