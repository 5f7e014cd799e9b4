from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from secondpass import InvalidInputError, read_judged
from secondpass.core.jsonl import read_lines
from secondpass.evaluate import read_collection, read_jsonl
from secondpass.evaluate.formats.jsonl import read_objects

GOOD = {"query": "q", "texts": ["a", "b", "c"], "labels": [0, 2, True]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "labelled.jsonl"
    path.write_text(json.dumps(GOOD) + "\n\n" + json.dumps({**GOOD, "id": "x", "ids": [7, 8, 9]}))
    return path


def test_grades_ids_and_depth(file: Path) -> None:
    first, second = read_collection(file)
    assert (first.id, first.ranking.ids, first.grades) == (
        "1", ["0", "1", "2"], {"0": 0, "1": 2, "2": 1},
    )  # fmt: skip
    assert (second.id, second.ranking.ids) == ("x", ["7", "8", "9"])
    cut = read_jsonl(file, depth=1)[0]
    assert (cut.ranking.ids, len(cut.grades)) == (["0"], 3)


def test_it_reads_what_read_judged_reads(file: Path) -> None:
    file.write_text(json.dumps({**GOOD, "labels": [1, 0, True]}))
    assert read_jsonl(file).judged() == read_judged(file)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({**GOOD, "labels": [1]}, "3 texts, 1 labels"),
        ({**GOOD, "labels": [1, 0, -1]}, "0 or more; got -1"),
        ({**GOOD, "labels": [1, 0, 0.5]}, r"0 or more; got 0\.5"),
        ({**GOOD, "ids": ["a", "a", "b"]}, "two candidates have the id 'a'"),
        ({**GOOD, "query": ""}, "non-empty"),
        ({**GOOD, "texts": [1, 2, 3]}, "must be a string"),
        ({**GOOD, "texts": "abc"}, "3 texts"),
        ({"query": "q", "texts": []}, "no field 'labels'"),
        ({"query": "q", "texts": [], "labels": []}, "no judgements"),
    ],
)
def test_bad_lines_are_named(file: Path, row: object, message: str) -> None:
    file.write_text("\n" + json.dumps(row))
    with pytest.raises(InvalidInputError, match=message) as raised:
        read_jsonl(file)
    assert "labelled.jsonl, line 2" in str(raised.value)


def test_a_file_brings_its_own_candidates(file: Path) -> None:
    with pytest.raises(InvalidInputError, match="run and qrels go with a folder"):
        read_collection(file, run="x")
    with pytest.raises(InvalidInputError, match="there is no collection"):
        read_collection(file.parent / "none.jsonl")


def test_plain_and_gzipped_with_numbers(tmp_path: Path) -> None:
    text = "\ufeffone\n\ntwo\r\n".encode()
    (tmp_path / "a.txt").write_bytes(text)
    (tmp_path / "a.gz").write_bytes(gzip.compress(text))
    for name in ("a.txt", "a.gz"):
        read = [(n, line.strip()) for n, line in read_lines(tmp_path / name)]
        assert read == [(1, "one"), (3, "two")]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a", b"", "is empty"),
        ("a", b"\n \n", "is empty"),
        ("a", b"fine\nna\xefve\n", "line 2 is not UTF-8"),
        ("a.gz", b"no gzip", "cannot read"),
        ("a.gz", gzip.compress(b"x\n" * 9999, mtime=0)[:-20], "cannot read"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InvalidInputError, match=message):
        list(read_lines(tmp_path / name, may_be_empty=False))


def test_an_absent_file_and_lines_that_are_not_objects(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="cannot read"):
        list(read_lines(tmp_path / "none"))
    for text, message in (("{", "line 1 is not JSON"), ("[1]", "line 1 is not a JSON object")):
        (tmp_path / "a").write_text(text)
        with pytest.raises(InvalidInputError, match=message):
            list(read_objects(tmp_path / "a"))
