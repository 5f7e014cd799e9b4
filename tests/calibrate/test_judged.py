from __future__ import annotations

import json
from pathlib import Path

import pytest

from secondpass import InvalidInputError, JudgedQuery, read_judged

GOOD = {"query": "q", "texts": ["a", "b", "c"], "labels": [1, 0, True]}


def test_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "judged.jsonl"
    path.write_text(json.dumps(GOOD) + "\n\n" + json.dumps(GOOD) + "\n", encoding="utf-8")
    first, _second = read_judged(path)
    assert first == JudgedQuery.of("q", ["a", "b", "c"], ["0", "2"])


@pytest.mark.parametrize(
    "row",
    [
        "{",
        "[]",
        "3",
        json.dumps({"query": "q", "texts": ["a"]}),
        json.dumps({**GOOD, "labels": [1]}),
        json.dumps({**GOOD, "labels": [1, 0, 7]}),
        json.dumps({**GOOD, "labels": [1, 0, "yes"]}),
        json.dumps({**GOOD, "query": ""}),
        json.dumps({**GOOD, "texts": "abc"}),
        json.dumps({**GOOD, "texts": [1, 2, 3]}),
    ],
)
def test_a_bad_line_is_named_by_file_and_number(tmp_path: Path, row: str) -> None:
    path = tmp_path / "judged.jsonl"
    path.write_text(json.dumps(GOOD) + "\n" + row + "\n", encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"judged.jsonl, line 2"):
        read_judged(path)


def test_no_file_no_query_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="cannot read"):
        read_judged(tmp_path / "nothing.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(InvalidInputError, match="holds no judged query"):
        read_judged(tmp_path / "empty.jsonl")
    (tmp_path / "latin.jsonl").write_bytes(b'{"query": "\xe9"}')
    with pytest.raises(InvalidInputError, match="cannot read"):
        read_judged(tmp_path / "latin.jsonl")


def test_relevant_ids_must_be_among_the_candidates() -> None:
    with pytest.raises(InvalidInputError, match="not among the candidates of 'q': z"):
        JudgedQuery.of("q", ["a"], ["z"])
