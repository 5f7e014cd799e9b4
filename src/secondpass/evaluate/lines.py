"""Text files line by line, plain or gzipped; every error names the file and the line."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from secondpass.errors import InvalidInputError

PathLike = str | os.PathLike[str]


def lines(path: PathLike) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line that is not empty; the file is never held whole.

    Raises:
        InvalidInputError: Unreadable, damaged, not UTF-8, or nothing in it.
    """
    path = Path(path)
    number, some = 0, False
    try:
        with gzip.open(path) if _packed(path) else path.open("rb") as stream:
            for number, raw in enumerate(stream, start=1):
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                if text.strip():
                    some = True
                    yield number, text
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"{path}, line {number} is not UTF-8 ({error.reason}); convert the file to UTF-8"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        behind = f" behind line {number}; it is damaged, so get it again" if number else ""
        raise InvalidInputError(f"cannot read {path}{behind}: {error}") from error
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
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InvalidInputError(f"{path}, line {number} is no JSON: {error}") from error
        if not isinstance(row, dict):
            raise InvalidInputError(f"{path}, line {number} is no JSON object")
        yield number, row
