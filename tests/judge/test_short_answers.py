from __future__ import annotations

import pytest

from secondpass.judge.parsing.short_answers import (
    read_best,
    read_comparison,
    read_number,
    read_yes_no,
)

IDS = ("k4", "b2")


@pytest.mark.parametrize(
    ("text", "best"),
    [
        ("[k4]", 0), ("b2", 1), ("**B2**", 1), ("The best is k4.", 0), ("Best passage: b2", 1),
        ('{"best": "b2"}', 1), ("[b2] > [k4]", 1), ("<think>k4?</think>\nb2", 1),
        ("Compared with [k4], the better one is [b2]", 1), ("Passage b2", 1),
        ("\uff3b\uff42\uff12\uff3d", 1),
        ('{"best": "b2",}', 1), ('{"best": "b2\\u0000"}', 1), ("<id>b2</id>", 1), ("[b2]\u00b2", 1),
        ("b2\x00", 1), ("[b\x002]", 1),
        ("b2 is worse than k4", None), ("", None), ("I cannot", None), ("z9", None),
        ('{"best": null}', None), ('{"best": "zz"}', None), ("1", None),
    ],
)  # fmt: skip
def test_the_best_is_read_or_not_told(text: str, best: int | None) -> None:
    assert read_best(text, IDS) == best


@pytest.mark.parametrize(
    ("text", "value"),
    [("B", 1.0), ("C", 0.0), ("[C]", 0.0), ("It is a tie.", 0.5), ("neither", 0.5), ("?", None),
     ("Answer: C", 0.0), ("a bad cat", None)],
)  # fmt: skip
def test_comparisons(text: str, value: float | None) -> None:
    assert read_comparison(text, ("B", "C")) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Yes", True), ("no.", False), ("**No**, it is not", False), ("The answer is yes.", True),
        ("Relevant: Yes", True), ("<think>yes yes</think>No", False), ('{"relevant": true}', True),
        ('{"relevant": "No"}', False), ("True", True), ("I think\n\nNo", False),
        ("<relevant>no</relevant>", False), ("<yes>", True), ('{"relevant": true,}', True),
        ("Ye\x00s", True), ("No\u00b9", False),
        ("There is no evidence", None), ("not sure, yes or no", None), ("", None), ("maybe", None),
    ],
)  # fmt: skip
def test_yes_or_no(text: str, value: bool | None) -> None:
    assert read_yes_no(text) is value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7), ("7/10", 7), ("3 / 5", 6), ("Score: 7.5", 7.5), ("**8**", 8), ("0.85", 0.85),
        ("9.5", 9.5), ("10/10", 10), ("8 out of 10", 8), ("\uff18", 8), ('{"score": 6}', 6),
        ('{"score": "6"}', 6), ("It meets 2 of 3 criteria.\nRelevance: 9", 9), ("It says\n4", 4),
        ("<think>3</think>4", 4), ("7\u00b2", 7), ("Score: 7\x00", 7), ("<score>6</score>", 6),
        ('{"score": 6,}', 6), ("0", 0),
        ("11", None), ("-1", None), ("85%", None), ("2 of 3 criteria", None), ("", None),
        ('{"score": 1e999}', None), ("NaN", None), ("1/0", None), ("good", None),
    ],
)  # fmt: skip
def test_numbers(text: str, value: float | None) -> None:
    assert read_number(text, 0, 10) == value
