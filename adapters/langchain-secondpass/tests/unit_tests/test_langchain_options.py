"""Making a reranker: every form of a model, every bad argument, and writing it down again."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
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
    WrongCallError,
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

    monkeypatch.setattr("secondpass.models.load.load", load)
    rerank = SecondPassRerank()
    assert loads == ["builtin"], "at construction, so that a missing model is known at once"
    for _ in range(3):
        rerank.compress_documents([Document(page_content="a")], "q")
    assert loads == ["builtin"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top_n": -1}, "top_n=-1: give a whole number, 0 or more"),
        ({"top_n": 2.5}, "whole number"),
        ({"top_n": True}, "whole number"),
        ({"top_n": "3"}, "whole number"),
        ({"threshold": 1.5}, "not a probability"),
        ({"threshold": -0.1}, "not a probability"),
        ({"threshold": float("nan")}, "not a probability"),
        ({"threshold": "much"}, "valid number"),
        ({"model": 3}, "model string"),
        ({"model": {}}, "not a recipe"),
        ({"model": Path("missing.json")}, "missing.json"),
        ({"threshold": 0.5, "keep_at_least": -1}, "keep_at_least=-1"),
        ({"threshold": 0.5, "keep_at_least": True}, "keep_at_least=True"),
        ({"keep_at_least": 2}, "give threshold= too"),
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


@pytest.mark.parametrize(
    ("keyword", "answer"),
    [
        ("top_k", "it is called 'top_n' here"),
        ("score_threshold", r'choose threshold= on labelled .* Threshold\(x, scale="raw"\)'),
        ("client", "an object with score"),
        ("prefix_metadata", "always 'relevance_score'"),
        ("model_kwargs", r'load\("cross-encoder:NAME", options='),
        ("model_name", "it is called 'model' here"),
        ("min_results", "it is called 'keep_at_least' here"),
        ("treshold", "it is called 'threshold' here"),
        ("device", r'load\("BACKEND:NAME", options=\{"device": \.\.\.\}\)'),
        ("cache", r'load\("BACKEND:NAME", cache=\.\.\.\)'),
        ("llm", "model=your_chat_model"),
        ("colour", "it has model, top_n, threshold, keep_at_least"),
    ],
)
def test_a_keyword_of_another_reranker_is_answered_with_ours(
    raw: Stage, keyword: str, answer: str
) -> None:
    with pytest.raises(WrongCallError, match=f"no keyword '{keyword}'; .*{answer}"):
        SecondPassRerank(**{"model": raw, keyword: 3})
    with pytest.raises(ValueError, match=f"no keyword '{keyword}'"):
        SecondPassRerank.model_validate({"model": raw, keyword: 3})
    with pytest.raises(WrongCallError, match=f"no keyword '{keyword}'"):
        SecondPassRerank(model=raw).model_copy(update={keyword: 3})


def test_setting_an_option_later_is_refused_with_what_to_do(raw: Stage) -> None:
    rerank = SecondPassRerank(model=raw)
    for name, value in {"model": "bm25", "top_n": 3, "threshold": 0.5}.items():
        with pytest.raises(WrongCallError, match=rf'model_copy\(update=\{{"{name}": ...\}}\)'):
            setattr(rerank, name, value)
    with pytest.raises(WrongCallError, match="called 'top_n' here"):
        rerank.top_k = 3  # type: ignore[attr-defined]
    assert (rerank.model, rerank.top_n, rerank.threshold) == (raw, None, None)


def test_model_copy_checks_its_update_and_loads_nothing_again(raw: Stage) -> None:
    rerank = SecondPassRerank(model=raw, top_n=3)
    other = rerank.model_copy(update={"model": "bm25"})
    assert isinstance(other.model, Stage)
    assert "bm25" in other.model.name
    assert other.top_n == 3
    assert rerank.model_copy(update={"top_n": 1}).model is raw
    assert rerank.model_copy(deep=True).model is not raw
    for update in ({"top_n": -1}, {"threshold": 7}, {"model": 3}, {"keep_at_least": 1}):
        with pytest.raises(ValidationError, match=next(iter(update))):
            rerank.model_copy(update=update)


def test_numbers_of_numpy_are_stored_as_plain_ones(lexical: Stage) -> None:
    rerank = SecondPassRerank(
        model=lexical, top_n=np.int64(3), threshold=0.5, keep_at_least=np.int64(1)
    )
    dumped = json.loads(rerank.model_dump_json())
    assert (dumped["top_n"], dumped["keep_at_least"]) == (3, 1)


def test_the_repr_is_short(lexical: Stage) -> None:
    assert repr(SecondPassRerank(model=lexical)) == f"SecondPassRerank(model={lexical!r})"
    shown = repr(SecondPassRerank(model=lexical, top_n=0, threshold=0.0, keep_at_least=2))
    assert shown == (
        f"SecondPassRerank(model={lexical!r}, top_n=0, threshold=0.0, keep_at_least=2)"
    )


def test_the_repr_prints_the_pipeline(lexical: Stage) -> None:
    shown = repr(SecondPassRerank(model=lexical, top_n=3, threshold=0.5))
    assert "bm25" in shown
    assert "Platt" in shown
    assert "top_n=3" in shown


def test_the_stage_is_the_model_then_the_threshold_then_the_cut(lexical: Stage) -> None:
    stage = SecondPassRerank(model=lexical, top_n=3, threshold=0.5, keep_at_least=1).stage
    assert [s.name for s in stage[2:]] == ["p>=0.5 (keep at least 1)", "Top(3)"]


def test_a_dump_goes_round_through_json(lexical: Stage, documents: list[Document]) -> None:
    rerank = SecondPassRerank(model=lexical, top_n=3, threshold=0.1, keep_at_least=1)
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
