from __future__ import annotations

import json
from pathlib import Path

import pytest

from secondpass import InvalidInputError, JudgedQuery
from secondpass.train import QueryPairs, read_pairs, read_training_data


def _file(folder: Path, *rows: object) -> Path:
    path = folder / "data.jsonl"
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows))
    return path


def test_lines_of_the_same_query_become_one(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        {"query": "q", "positive": "a"},
        "",
        {"query": "q", "positive": ["a", "b"], "negatives": ["c"]},
    )
    assert read_pairs(path) == [QueryPairs("q", ("a", "b"), ("c",))]
    assert read_training_data(path) == read_pairs(path)


def test_judged_lists_are_told_apart_from_pairs(tmp_path: Path) -> None:
    (judged,) = read_training_data(
        _file(tmp_path, {"query": "q", "texts": ["a", "b"], "labels": [0, 1]})
    )
    assert isinstance(judged, JudgedQuery)
    assert judged.relevant == {"1"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("", "is empty"),
        ("{", "line 1 is not JSON"),
        ({"question": "q"}, "line 1 is neither"),
        ("3", "line 1 is neither"),
        ({"query": " ", "positive": "a"}, "line 1.*non-empty"),
        ({"query": "q", "positive": []}, "line 1.*no positive"),
        ({"query": "q", "positive": [3]}, "line 1.*not a string"),
        ({"query": "q", "positive": "a", "negatives": ["a"]}, "both positive and negative"),
    ],
)
def test_a_bad_line_is_named(row: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=message):
        read_training_data(_file(tmp_path, row))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"cannot read .*nowhere\.jsonl"):
        read_training_data(tmp_path / "nowhere.jsonl")
