"""The allow-list: every class that a recipe may name, every argument, every bound."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

from secondpass import Abstain, Recipe, RecipeError, Top, load
from secondpass.core.recipe.bounds import _BOUNDS, Bounds, bounds_of
from secondpass.core.recipe.checks import plain_fits
from secondpass.core.recipe.schema import (
    FORMER_NAMES,
    REFUSED,
    REMOVED,
    WEIGHTS,
    class_names,
    schema_of,
)

OLD = sorted((Path(__file__).parent / "recipes").glob("*.json"))
"""Recipes written by version 0.1's first format, before there was an allow-list."""
REMOVED_PARTS = sorted((Path(__file__).parent / "recipes/removed").glob("*.json"))
"""Recipes of earlier versions that hold what is gone."""


def _leaves(hint: Any) -> Iterator[Any]:
    if get_origin(hint) is None:
        yield hint
    else:
        for inner in get_args(hint):
            yield from _leaves(inner)


@pytest.mark.parametrize("kind", class_names())
def test_every_argument_of_every_class_is_allowed_or_refused(kind: str) -> None:
    if kind == "TorchCrossEncoder":
        pytest.importorskip("torch")
    schema = schema_of(kind)
    assert schema is not None
    arguments = list(inspect.signature(schema.make).parameters)
    assert sorted({*schema.types, *schema.refused}) == sorted(arguments)
    assert not {*schema.types} & {*REFUSED}


@pytest.mark.parametrize("kind", class_names())
def test_every_whole_number_and_every_name_has_bounds(kind: str) -> None:
    if kind == "TorchCrossEncoder":
        pytest.importorskip("torch")
    schema = schema_of(kind)
    assert schema is not None
    for argument, hint in schema.types.items():
        leaves = set(_leaves(hint))
        if int in leaves and argument != "categories":
            bounds = bounds_of(kind, argument)
            assert abs(bounds.least) < 2**63 + 1, f"{kind}.{argument} needs a line in _BOUNDS"
            assert bounds.most < 2**63 + 1, f"{kind}.{argument} needs a line in _BOUNDS"
        if "Path" in str(hint) or argument in ("file", "revision", "device", "attention"):
            assert bounds_of(kind, argument).form is not None or kind == "OpenAIChat"
        unknown = [
            leaf
            for leaf in leaves
            if isinstance(leaf, type)
            and leaf not in (bool, int, float, str, type(None), datetime, timedelta)
            and not leaf.__module__.startswith("secondpass.")
            and leaf.__name__ not in ("PathLike", "ellipsis")
        ]
        assert not unknown, f"{kind}.{argument}: {unknown}"


def test_no_bound_is_for_nothing() -> None:
    arguments = {
        (kind, argument)
        for kind in class_names()
        if (schema := schema_of(kind)) is not None
        for argument in schema.types
    }
    for name in _BOUNDS:
        kind, _, argument = name.rpartition(".")
        assert any(a == argument and kind in ("", k) for k, a in arguments), name


def _classes(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _classes(item)
    elif isinstance(node, dict):
        if isinstance(node.get("type"), str):
            yield node["type"]
        for item in node.values():
            yield from _classes(item)


def test_the_old_recipes_name_every_class_that_loads_no_weights_of_others() -> None:
    found = {kind for path in OLD for kind in _classes(json.loads(path.read_text("utf-8")))}
    named = {FORMER_NAMES.get(kind, kind) for kind in found}
    elsewhere = {"BedrockReranker", "VertexReranker"}  # SDKs and places: test_cloud_rerankers.py
    missing = {*class_names(), "datetime", "timedelta"} - named
    assert missing == ({*WEIGHTS} - {"Builtin"}) | elsewhere


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_recipes_written_before_still_load_and_are_written_the_same(path: Path) -> None:
    # the built-in model's weights may have been made anew since
    text = path.read_text(encoding="utf-8").replace(
        "builtin@3c8b4dce3636",
        load("builtin:raw").scorer.name,  # type: ignore[attr-defined]
    )
    recipe = Recipe.of_dict(json.loads(text))
    for former, now in FORMER_NAMES.items():
        name = former.rpartition(".")[2]
        text = text.replace(f'"type": "{former}"', f'"type": "{now}"')
        if "." in former:
            text = text.replace(f'"{name}": ', f'"{now}": ')
    renamed = Recipe.of_dict(_without_removed(json.loads(text)))
    written_now = Recipe.of(recipe.stage())
    assert _without_newer(written_now.pipeline, renamed.pipeline) == renamed.pipeline
    assert Recipe.of(written_now.stage()) == written_now


def test_an_argument_under_its_former_name_means_the_same_and_is_given_once() -> None:
    former = {"type": "Abstain", "below": 0.3}
    stage = Recipe.of_dict({"secondpass_recipe": 1, "pipeline": former}).stage()
    assert isinstance(stage, Abstain)
    assert stage.at_least == 0.3
    for both in ({**former, "at_least": 0.3}, {"type": "Abstain", "at_least": 0.3, "below": 0.3}):
        with pytest.raises(RecipeError, match="at_least is given twice, under two names"):
            Recipe.of_dict({"secondpass_recipe": 1, "pipeline": both}).stage()
    counted = {"type": "TokenBudget", "tokens": 9, "count": "len"}
    with pytest.raises(RecipeError, match="no recipe may hold 'count_tokens': a function is code"):
        Recipe.of_dict({"secondpass_recipe": 1, "pipeline": counted}).stage()


def _without_removed(node: Any) -> Any:
    """What was written then, without the arguments that are gone."""
    if isinstance(node, list):
        return [_without_removed(item) for item in node]
    if not isinstance(node, dict):
        return node
    kind = node.get("type")
    return {k: _without_removed(v) for k, v in node.items() if f"{kind}.{k}" not in REMOVED}


@pytest.mark.parametrize("path", REMOVED_PARTS, ids=lambda path: path.stem)
def test_a_recipe_with_a_removed_part_says_what_was_removed_and_why(path: Path) -> None:
    recipe = Recipe.read(path)
    message = r"stages\[1\]\.shift: prior-shift correction was removed.* from \.161 to \.344"
    if path.stem == "early_exit":
        message = r"pipeline: early exit was removed .*Refine\(stage, k\)"
    with pytest.raises(RecipeError, match=message):
        recipe.stage()


def _without_newer(now: Any, before: Any) -> Any:
    """What is written now, without the arguments that a class did not have then."""
    if isinstance(now, dict) and isinstance(before, dict):
        return {k: _without_newer(v, before[k]) for k, v in now.items() if k in before}
    if isinstance(now, list) and isinstance(before, list):
        return [_without_newer(a, b) for a, b in zip(now, before, strict=True)]
    return now


def test_what_is_certainly_right_is_right() -> None:
    for value, kind, fits in (
        (1, int, True), (1, float, True), (1.5, float, True), ("a", str, True), (1.5, int, False),
        (True, int, False), (False, float, False), (float("nan"), float, False),
        (float("inf"), float, False), (10**400, float, False), ("a\0", str, False),
        (11, int, False), ("x" * 11, str, False), (None, str, False), (1, str, False),
        ([], int, False),
    ):  # fmt: skip
        assert plain_fits(value, kind, Bounds(-10, 10, length=10)) is fits


def test_a_word_of_the_collection_may_be_any_word() -> None:
    from secondpass import Score
    from secondpass.models.bm25 import BM25, CorpusStatistics

    recipe = Recipe.of(Score(BM25(CorpusStatistics.of(["a type of dog", "what a name"]))) >> Top(2))
    again = Recipe.of_dict(json.loads(json.dumps(recipe.to_dict())))
    assert Recipe.of(again.stage()) == recipe
