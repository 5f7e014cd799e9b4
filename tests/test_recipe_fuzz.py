"""Valid recipes with one node replaced: a stage, or an error of this library, and nothing else."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secondpass import Recipe, RecipeError, SecondPassError, Stage, load
from secondpass.core.recipe.schema import REFUSED, class_names

HERE = Path(__file__).parent
RECIPES = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((HERE / "recipes").glob("*.json"))
}
# a model is loaded by one in each; its file is read, so that the rest of the recipe is what counts
SCORERS = [
    {"type": "OnnxCrossEncoder", "model": "no/such", "revision": "main", "file": "model.onnx",
     "max_length": 512, "token_budget": 512, "threads": None, "verify": True, "name": "onnx:x@1"},
    {"type": "LateInteraction", "model": "no/such", "vectors": None, "max_length": 512},
]  # fmt: skip
for number, scorer in enumerate(SCORERS):
    pipeline = {"type": "Score", "scorer": {"type": "Cached", "scorer": scorer, "size": 10}}
    RECIPES[f"weights-{number}"] = {"secondpass_recipe": 1, "pipeline": pipeline}

Place = tuple[str | int, ...]


def _deep(levels: int, key: str | None) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value] if key is None else {key: value}
    return value


ODD = st.one_of(
    st.sampled_from([
        None, True, False, 0, 1, -1, 2, 0.5, 10**9, -(10**9), 2**63, 10**400, -(10**400),
        float("nan"), float("inf"), -float("inf"), "", "a\0b", "\ud800", "../../etc/passwd", 1e308,
        "x" * 20_000, "https://user:password@host/v1", "order", "raw", "builtin@0", [], {}, [[]],
        {"type": None}, {"type": []}, {"type": "os.system"}, {"": {}}, {"type": "timedelta"},
        {"type": "timedelta", "seconds": 1e300}, {"type": "datetime", "iso": 5}, [None] * 3,
        {"type": "datetime", "iso": "2026-01-01"}, {"type": "Top", "k": 2}, [1, 2, 3], [0.1, "a"],
    ]),
    st.builds(_deep, st.sampled_from([3, 60, 150]), st.sampled_from([None, "stage", "a"])),
    st.sampled_from(class_names()).map(lambda kind: {"type": kind}),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=6,
    ),
)  # fmt: skip


def _places(node: Any, place: Place = ()) -> Iterator[Place]:
    yield place
    inner: Any = ()
    if len(place) > 12:  # inside what was put there
        return
    if isinstance(node, dict):
        inner = node.items()
    elif isinstance(node, list):
        inner = enumerate(node)
    for key, value in inner:
        yield from _places(value, (*place, key))


def _replaced(tree: Any, place: Place, value: Any, how: str) -> Any:
    """A copy of the way to the place; the rest is shared."""
    if not place:
        return value
    step, *rest = place
    node = copy.copy(tree)
    if rest:
        node[step] = _replaced(tree[step], tuple(rest), value, how)
    elif how == "remove":
        del node[step]
    elif how == "add" and isinstance(node, dict):
        node[f"{step}x"] = value
    elif how == "swap" and isinstance(node, dict) and "type" in node:
        node["type"] = value
    else:
        node[step] = value
    return node


@st.composite
def _mutated(draw: st.DrawFn) -> Any:
    tree = RECIPES[draw(st.sampled_from(sorted(RECIPES)))]["pipeline"]
    for _ in range(draw(st.integers(1, 2))):
        places = list(_places(tree))
        how = draw(st.sampled_from(["replace", "replace", "replace", "add", "remove", "swap"]))
        value = draw(st.sampled_from(class_names()) if how == "swap" else ODD)
        tree = _replaced(tree, draw(st.sampled_from(places)), value, how)
    return tree


def _tried(tree: Any) -> Stage | None:
    with suppress(SecondPassError):
        stage = Recipe.of_dict({"secondpass_recipe": 1, "pipeline": tree}).stage()
        assert isinstance(stage, Stage)
        return stage
    return None


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _check(tree: Any, folder: Path) -> None:
    stage = _tried(tree)
    assert list(folder.iterdir()) == []
    if stage is not None:  # what is built can be written and read
        written = Recipe.of(stage)
        assert Recipe.of(written.stage()) == written


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(tree=_mutated())
def test_a_mutated_recipe_is_a_stage_or_an_error_of_ours(tree: Any, empty: Path) -> None:
    _check(tree, empty)


@pytest.mark.slow
@settings(
    max_examples=800,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(tree=_mutated())
def test_many_mutated_recipes(tree: Any, empty: Path) -> None:
    _check(tree, empty)


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_argument_that_no_recipe_may_hold_is_refused_everywhere(
    name: str, empty: Path
) -> None:
    tree = RECIPES[name]["pipeline"]
    for place in _places(tree):
        node = tree
        for step in place:
            node = node[step]
        if not isinstance(node, dict) or node.get("type") in (None, "timedelta", "datetime"):
            continue
        for argument in REFUSED:
            with pytest.raises(RecipeError, match=argument):
                Recipe(_replaced(tree, (*place, argument), str(empty / "f"), "replace")).stage()
    assert list(empty.iterdir()) == []


@given(data=st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8")))
@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_bytes_are_a_recipe_or_an_error_of_ours(data: bytes, empty: Path) -> None:
    path = empty / "r.json"
    path.write_bytes(data)
    with pytest.raises(RecipeError, match=r"r\.json"):
        load(path)
