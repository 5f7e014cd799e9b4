"""`rerank(model=...)`, the command line and the adapters accept the same things: `as_stage`."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import secondpass as sp
from secondpass import ChatJudge, InvalidInputError, Recipe, RecipeError, Stage, UnknownModelError
from secondpass.cli import app
from secondpass.judge import Completion
from secondpass.testing import FakeScorer

TEXTS = ["cats purr", "dogs bark at night", "dogs bark", "the moon"]
QUERY = "dogs bark"


class Silent:
    """A chat model that answers nothing, so that its judge keeps the order and says so."""

    name = "silent"

    async def complete(self, messages: object, **options: object) -> Completion:
        return Completion("")


def _core(model: Any) -> list[str]:
    return [c.text for c in sp.rerank(QUERY, TEXTS, model=model)]


def _command_line(model: Any) -> list[str]:
    lines = "\n".join(json.dumps(text) for text in TEXTS)
    done = CliRunner().invoke(app, ["rerank", QUERY, "-", "--model", model, "--json"], input=lines)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return [result["text"] for result in json.loads(done.stdout)["results"]]


def _llama_index(model: Any) -> list[str]:
    schema = pytest.importorskip("llama_index.core.schema")
    adapter = pytest.importorskip("llama_index.postprocessor.secondpass")
    nodes = [schema.NodeWithScore(node=schema.TextNode(text=text)) for text in TEXTS]
    reranker = adapter.SecondPassRerank(model=model)
    return [node.text for node in reranker.postprocess_nodes(nodes, query_str=QUERY)]


def _langchain(model: Any) -> list[str]:
    documents = pytest.importorskip("langchain_core.documents")
    adapter = pytest.importorskip("langchain_secondpass")
    given = [documents.Document(page_content=text) for text in TEXTS]
    done = adapter.SecondPassRerank(model=model).compress_documents(given, QUERY)
    return [document.page_content for document in done]


IN_PYTHON = [_core, _llama_index, _langchain]
EVERY_DOOR = [*IN_PYTHON, _command_line]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "reranker.json"
    Recipe.of(sp.load("bm25") >> sp.Top(2)).save(path)
    return path


@pytest.mark.parametrize("door", EVERY_DOOR)
def test_a_model_string(door: Callable[[Any], list[str]]) -> None:
    assert door("bm25")[0] == "dogs bark"


@pytest.mark.parametrize("door", EVERY_DOOR)
def test_the_path_of_a_recipe_as_a_string(door: Callable[[Any], list[str]], file: Path) -> None:
    assert door(str(file)) == ["dogs bark", "dogs bark at night"]
    assert door(f"recipe:{file}") == ["dogs bark", "dogs bark at night"]


@pytest.mark.parametrize("door", IN_PYTHON)
def test_a_path_a_recipe_its_dict_and_a_stage(door: Callable[[Any], list[str]], file: Path) -> None:
    recipe = Recipe.read(file)
    for model in (file, recipe, recipe.to_dict(), recipe.stage()):
        assert door(model) == ["dogs bark", "dogs bark at night"]


@pytest.mark.parametrize("door", IN_PYTHON)
def test_a_judge_of_a_chat_model(door: Callable[[Any], list[str]]) -> None:
    assert door(ChatJudge(Silent(), repairs=0)) == TEXTS


@pytest.mark.parametrize("door", EVERY_DOOR)
@pytest.mark.parametrize(
    ("model", "error"), [("bm52", UnknownModelError), ("missing.json", RecipeError)]
)
def test_what_is_not_there(
    door: Callable[[Any], list[str]], model: str, error: type[Exception]
) -> None:
    with pytest.raises((error, ValueError), match=model):  # pydantic makes it a ValidationError
        door(model)


@pytest.mark.parametrize("model", [3, None, FakeScorer(), [sp.Top(1)]])
def test_anything_else_is_answered_with_what_to_give(model: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"Score\(your_scorer\) makes a stage"):
        sp.as_stage(model)


def test_two_threads_that_are_first_at_once_load_a_model_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "once.json"
    path.write_text("{}")
    loading, go_on, loads = threading.Event(), threading.Event(), []

    def load(model: object) -> Stage:
        loads.append(model)
        loading.set()
        assert go_on.wait(60)
        return sp.Top(1)

    monkeypatch.setattr("secondpass.models.load.load", load)
    results: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: results.append(sp.rerank("q", ["a"], model=path).ids))
        for _ in range(2)
    ]
    threads[0].start()
    assert loading.wait(60)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert results == [["0"], ["0"]]
    assert loads == [path]
