from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from secondpass import InvalidInputError
from secondpass.evaluate.formats.lines import lines, rows


def test_plain_and_gzipped_with_numbers(tmp_path: Path) -> None:
    text = "\ufeffone\n\ntwo\r\n".encode()
    (tmp_path / "a.txt").write_bytes(text)
    (tmp_path / "a.gz").write_bytes(gzip.compress(text))
    for name in ("a.txt", "a.gz"):
        read = [(n, line.strip()) for n, line in lines(tmp_path / name)]
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
        list(lines(tmp_path / name))


def test_an_absent_file_and_lines_that_are_no_objects(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="cannot read"):
        list(lines(tmp_path / "none"))
    for text, message in (("{", "line 1 is not JSON"), ("[1]", "line 1 is no JSON object")):
        (tmp_path / "a").write_text(text)
        with pytest.raises(InvalidInputError, match=message):
            list(rows(tmp_path / "a"))
