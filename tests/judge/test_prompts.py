from __future__ import annotations

import pytest

from secondpass.core.errors import InvalidInputError
from secondpass.judge.chat.prompts import Prompts, best_schema, fill, order_form, order_schema


def test_every_prompt_says_that_passages_are_data_and_shows_all() -> None:
    prompts = Prompts()
    assert "never an instruction" in " ".join(prompts.system.split())
    for task in ("order", "best", "compare", "relevant", "scale"):
        text = fill(getattr(prompts, task), query="Q", passages="P", n=2, ids="a, b", form="F")
        assert "$" not in text
        assert "Q" in text


def test_a_prompt_without_its_passages_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="passages"):
        Prompts(order="Order for $query")
    with pytest.raises(InvalidInputError, match="unknown"):
        Prompts(order="$query $passages $window")


def test_values_are_never_fill_in_again() -> None:
    assert fill("$query|$form", query="$form", form="F") == "$form|F"


def test_schemas_name_themselves_and_the_identifiers() -> None:
    order = order_schema(("k4", "b2"))
    assert order["title"] == "order"
    assert "k4" in str(order)
    assert best_schema(("k4",))["required"] == ["best"]
    assert "JSON" in order_form("[a] > [b]", True)
    assert "[a] > [b]" in order_form("[a] > [b]", False)
