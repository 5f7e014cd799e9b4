"""Making a reranker: every form of a model, every bad argument, and writing it down again."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_secondpass import SecondPassCrossEncoder, SecondPassRerank
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from secondpass import (
    BM25,
    Calibrate,
    Platt,
    Recipe,
    Score,
    Stage,
    UnknownModelError,
)


@pytest.fixture
def lexical() -> Stage:
    """A stage that a recipe can hold."""
    bm25 = Score(BM25())
    return bm25 >> Calibrate(Platt(1.0, -0.5), bm25.name)


def _scores(rerank: SecondPassRerank, documents: list[Document]) -> list[tuple[Any, Any]]:
    done = rerank.compress_documents(documents, "read a file")
    return [(d.id, d.metadata["relevance_score"]) for d in done]


@pytest.mark.parametrize("make", [SecondPassRerank, SecondPassCrossEncoder])
def test_every_form_of_a_model(make: Callable[..., Any], lexical: Stage, tmp_path: Path) -> None:
    recipe = Recipe.of(lexical)
    recipe.save(tmp_path / "recipe.json")
    file = tmp_path / "recipe.json"
    forms = [lexical, recipe, file, str(file), recipe.to_dict()]
    assert len({repr(make(model=form).stage) for form in forms}) == 1
    assert "bm25" in repr(make(model="bm25").stage)


def test_a_recipes_dict_is_not_changed(lexical: Stage) -> None:
    data = Recipe.of(lexical).to_dict()
    kept = copy.deepcopy(data)
    SecondPassRerank(model=data)
    assert data == kept


def test_the_model_is_loaded_once(monkeypatch: pytest.MonkeyPatch, raw: Stage) -> None:
    loads: list[str] = []

    def load(model: str) -> Stage:
        loads.append(model)
        return raw

    monkeypatch.setattr("secondpass.recipe.load", load)
    rerank = SecondPassRerank()
    assert loads == ["builtin"], "at construction, so that a missing model is known at once"
    for _ in range(3):
        rerank.compress_documents([Document(page_content="a")], "q")
    assert loads == ["builtin"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top_n": -1}, "whole number, 0 or more"),
        ({"top_n": 2.5}, "whole number"),
        ({"top_n": True}, "whole number"),
        ({"top_n": "3"}, "whole number"),
        ({"threshold": 1.5}, "not a probability"),
        ({"threshold": -0.1}, "not a probability"),
        ({"threshold": float("nan")}, "not a probability"),
        ({"threshold": "much"}, "valid number"),
        ({"model": 3}, "model string"),
        ({"model": {}}, "no secondpass recipe"),
        ({"model": Path("missing.json")}, "missing.json"),
        ({"top_k": 3}, "Extra inputs"),
    ],
)
def test_a_bad_argument_is_refused_at_once(
    raw: Stage, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        SecondPassRerank(**{"model": raw, **options})


@pytest.mark.parametrize("make", [SecondPassRerank, SecondPassCrossEncoder])
def test_an_unknown_model_is_refused_at_once(make: Callable[..., Any]) -> None:
    with pytest.raises(UnknownModelError, match="names no backend"):
        make(model="nonsense")


def test_arguments_are_keywords(raw: Stage) -> None:
    with pytest.raises(TypeError):
        SecondPassRerank(raw)  # type: ignore[call-arg]


def test_it_is_frozen(raw: Stage) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        SecondPassRerank(model=raw).top_n = 3


def test_the_repr_prints_the_pipeline(lexical: Stage) -> None:
    shown = repr(SecondPassRerank(model=lexical, top_n=3, threshold=0.5))
    assert "bm25" in shown
    assert "Platt" in shown
    assert "top_n=3" in shown


def test_the_stage_is_the_model_then_the_threshold_then_the_cut(lexical: Stage) -> None:
    stage = SecondPassRerank(model=lexical, top_n=3, threshold=0.5).stage
    assert [s.name for s in stage[2:]] == ["p>=0.5", "Top(3)"]


def test_a_dump_goes_round_through_json(lexical: Stage, documents: list[Document]) -> None:
    rerank = SecondPassRerank(model=lexical, top_n=3, threshold=0.1)
    dumped = rerank.model_dump()
    assert json.loads(json.dumps(dumped)) == dumped == json.loads(rerank.model_dump_json())
    again = SecondPassRerank.model_validate_json(rerank.model_dump_json())
    assert again.model_dump() == dumped
    assert _scores(again, documents) == _scores(rerank, documents) != []


def test_a_dump_of_what_no_recipe_can_hold_says_so(raw: Stage) -> None:
    with pytest.raises(PydanticSerializationError, match="a recipe holds no code"):
        SecondPassRerank(model=raw).model_dump()


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_and_pickles_work_alike(
    again: Callable[[Any], Any], lexical: Stage, documents: list[Document]
) -> None:
    rerank = SecondPassRerank(model=lexical, top_n=3, threshold=0.1)
    assert _scores(again(rerank), documents) == _scores(rerank, documents) != []
    pairs = [("read a file", d.page_content) for d in documents]
    encoder = SecondPassCrossEncoder(lexical)
    assert again(encoder).score(pairs) == encoder.score(pairs)


def test_model_copy_takes_its_update(lexical: Stage, documents: list[Document]) -> None:
    rerank = SecondPassRerank(model=lexical)
    assert len(_scores(rerank.model_copy(update={"top_n": 1}), documents)) == 1
    assert len(_scores(rerank, documents)) == 4
