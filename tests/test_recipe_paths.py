"""One rule for a recipe's file, wherever a model is named: a Path, or a string ending in .json."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from secondpass import (
    InvalidInputError,
    Ranking,
    Recipe,
    RecipeError,
    Top,
    UnknownModelError,
    as_stage,
    load,
    rerank,
)
from secondpass.bench import measure
from secondpass.cli import app
from secondpass.evaluate import Collection, Topic, compare, evaluate
from secondpass.models.load import is_recipe_file

DOCS = ["cats purr", "birds sing", "a dog barks"]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Recipe.of(load("bm25") >> Top(2)).save("r.json")
    return tmp_path / "r.json"


@pytest.mark.parametrize(
    ("model", "is_file"),
    [
        ("r.json", True),
        ("./r.JSON", True),
        ("C:\\recipes\\r.json", True),
        (Path("folder/anything"), True),
        ("builtin", False),
        ("r.json.txt", False),
        ("builtin-split:v.json", False),
        ("judge:qwen.json", False),
        ("json", False),
        (None, False),
        (3, False),
    ],
)
def test_the_rule(model: object, is_file: bool) -> None:
    assert is_recipe_file(model) is is_file


FORMS: list[Callable[[Path], str | Path]] = [str, Path, lambda f: f.name, lambda f: Path(f.name)]


@pytest.mark.parametrize("form", FORMS)
def test_every_way_in_takes_it(file: Path, form: Callable[[Path], str | Path]) -> None:
    model = form(file)
    expected = load("bm25") >> Top(2)
    assert repr(load(model)) == repr(as_stage(model)) == repr(expected)
    assert rerank("dog", DOCS, model=model).ids == ["2", "0"]
    topic = Topic("1", Ranking.of("dog", DOCS), {"2": 1})
    animals = Collection("animals", (topic, Topic("2", Ranking.of("birds", DOCS), {"1": 1})))
    assert evaluate(model, animals, "RR@10").means == {"RR@10": 1.0}
    compared = compare(animals, None, {"mine": model}, "RR@10")
    assert compared.contenders["mine"].means == {"RR@10": 1.0}
    speed = measure(model, {"texts": DOCS}, depths=(2,), seconds=0, settings=(), launch=None)
    assert speed.model == expected.name


def test_the_command_line_takes_it(file: Path) -> None:
    done = CliRunner().invoke(app, ["rerank", "dog", "--model", "r.json", "--json"], input="a dog")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["results"][0]["text"] == "a dog"


def test_a_recipe_is_read_again_when_its_file_has_changed(file: Path) -> None:
    assert len(rerank("dog", DOCS, model=file)) == 2
    Recipe.of(load("bm25") >> Top(1)).save(file)
    os.utime(file, ns=(1, 1))  # clocks of file systems are coarse
    assert len(rerank("dog", DOCS, model="r.json")) == 1
    assert len(rerank("dog", DOCS, model=file)) == 1


def test_rerank_takes_a_recipe_and_its_dict() -> None:
    recipe = Recipe.of(load("bm25") >> Top(1))
    for model in (recipe, recipe.to_dict()):
        assert rerank("dog", DOCS, model=model).ids == ["2"]


def test_load_remembers_for_a_recipe_too(file: Path) -> None:
    Recipe.of(load("builtin:raw") >> Top(2)).save(file)
    stage = load(file, cache=10, options={"vectors": file.with_name("v.db")})
    assert "Cached" in repr(Recipe.of(stage).pipeline)
    assert file.with_name("v.db").is_file()
    with pytest.raises(InvalidInputError, match="'recipe' has no option 'threads'"):
        load(file, options={"threads": 1})


@pytest.mark.parametrize(
    ("model", "kind", "message"),
    [
        ("no.json", RecipeError, "cannot read the recipe 'no.json': there is no such file"),
        (Path("no"), RecipeError, "cannot read the recipe 'no': there is no such file"),
        ("recipe:", UnknownModelError, "write 'recipe:FILE'"),
        (".", UnknownModelError, "For a folder of weights: 'onnx:.' or 'cross-encoder:.'"),
        (Path(), RecipeError, "it is a folder, and a recipe is a JSON file"),
    ],
)
def test_what_is_no_recipe_says_what_to_do(
    file: Path, model: str | Path, kind: type[Exception], message: str
) -> None:
    for given in (load, as_stage, lambda m: rerank("q", DOCS, model=m)):
        with pytest.raises(kind, match=message):
            given(model)
