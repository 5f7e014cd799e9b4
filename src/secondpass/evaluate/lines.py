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
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            for number, raw in enumerate(stream, start=1):
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                if text.strip():
                    some = True
                    yield number, text
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"{path}, line {number} is not UTF-8 ({error.reason}); convert the file"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInputError(f"cannot read {path} behind line {number}: {error}") from error
    if not some:
        raise InvalidInputError(f"{path} is empty")


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
