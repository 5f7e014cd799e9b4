"""What adapters share to make a framework's chat model a judge."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from secondpass import Order, RecipeError, as_stage, rerank
from secondpass.judge.chat.framework_chat import (
    chat_name,
    finish_reason,
    first_value,
    not_in_recipes,
)
from secondpass.testing import FakeAsyncJudge, FakeJudge


class Model:
    model_name: object = None
    model = "tiny"


def test_a_chat_is_named_by_its_class_and_the_first_name_that_is_a_text() -> None:
    model = Model()
    assert chat_name(model, ("model_name", "model")) == "Model:tiny"
    model.model_name = 3
    assert chat_name(model, ("model_name", "model")) == "Model:tiny"
    assert chat_name(model, ("model_name",)) == "Model"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("stop", "stop"), ("MAX_TOKENS", "length"), ("refusal", "content_filter"),
        ("SAFETY", "content_filter"), ("odd", "odd"), (None, None), ("", None),
    ],
)  # fmt: skip
def test_finish_reasons_are_told_in_one_vocabulary(reason: object, expected: str | None) -> None:
    assert finish_reason([None, {"stop_reason": reason}]) == expected
    assert finish_reason([SimpleNamespace(done_reason=reason), {}]) == expected


def test_an_earlier_holder_goes_first_and_a_zero_is_no_value() -> None:
    holders = [{"read": 0}, SimpleNamespace(read=3, other=4), {"read": 5}]
    assert first_value(holders, ("read", "other")) == 3
    assert first_value(holders, ("other",)) == 4
    assert first_value([], ("read",)) is None


def test_no_recipe_holds_a_chat_model() -> None:
    error = not_in_recipes("LLM", "Model:tiny")
    assert isinstance(error, RecipeError)
    assert "cannot hold your LLM 'Model:tiny'" in str(error)
    assert "judge:MODEL" in str(error)


@pytest.mark.parametrize("judge", [FakeJudge, FakeAsyncJudge])
def test_a_judge_is_a_model_wherever_one_is_named(judge: type) -> None:
    assert isinstance(as_stage(judge()), Order)
    assert rerank("q", ["a", "b"], model=judge()).scale == "order"
