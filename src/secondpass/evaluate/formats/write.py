"""Rows as a file."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from secondpass.core.errors import InvalidInputError


def write_rows(path: str | os.PathLike[str], rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows as JSONL or CSV, as the path's ending says.

    Raises:
        InvalidInputError: Another ending, or the file cannot be written.
    """
    path = check_ending(path)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    try:
        # half of a surrogate pair as JSON escapes it; UTF-8 has none
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            if path.suffix == ".jsonl":
                stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            else:
                writer = csv.DictWriter(stream, columns)
                writer.writeheader()
                writer.writerows(rows)
    except OSError as error:
        raise InvalidInputError(f"cannot write {path}: {error}") from error


def check_ending(path: str | os.PathLike[str]) -> Path:
    """The path, if it ends in .jsonl or .csv.

    Raises:
        InvalidInputError: It does not.
    """
    path = Path(path)
    if path.suffix not in (".jsonl", ".csv"):
        raise InvalidInputError(f"{path}: per-query results are written as .jsonl or .csv")
    return path
