"""Text files line by line, plain or gzipped; every error names the file and the line."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from secondpass.core.errors import InvalidInputError
from secondpass.core.jsonl import PathLike, decode_lines, line_name, parse_line

__all__ = ["PathLike", "lines", "rows"]


def lines(path: PathLike) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line that is not empty; the file is never held whole.

    Raises:
        InvalidInputError: Unreadable, damaged, not UTF-8, or nothing in it.
    """
    path = Path(path)
    some = False
    try:
        with gzip.open(path) if _packed(path) else path.open("rb") as stream:
            for number, text in decode_lines(stream, path):
                some = True
                yield number, text
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error}") from error
    if not some:
        raise InvalidInputError(f"{path} is empty")


def _packed(path: Path) -> bool:
    """By its name or by its first bytes, since some are renamed."""
    with path.open("rb") as stream:
        first = stream.read(2)
    return first == b"\x1f\x8b" or (path.suffix == ".gz" and first != b"")


def rows(path: PathLike) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Number and JSON object of each line.

    Raises:
        InvalidInputError: See `lines`; or a line that is no JSON object.
    """
    for number, line in lines(path):
        where = line_name(path, number)
        row = parse_line(line, where)
        if not isinstance(row, dict):
            raise InvalidInputError(f"{where} is no JSON object")
        yield number, row
