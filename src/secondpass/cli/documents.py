"""Documents from a file or standard input, one a line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from secondpass.candidate import Candidate
from secondpass.errors import InvalidInputError

HELP = (
    "Documents, one a line: JSON objects with a field 'text' (and 'id', and any metadata), JSON "
    "strings, or plain text. '-' reads standard input."
)


def documents(file: str) -> list[Candidate]:
    """Each non-empty line as a candidate; places are the ids of those that have none.

    Raises:
        InvalidInputError: The file cannot be read, or a line is no document; names both.
    """
    try:
        source = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"cannot read {file}: {error}") from error
    lines = [(n, line) for n, line in enumerate(source.splitlines(), start=1) if line.strip()]
    return [_document(line, str(place), file, n) for place, (n, line) in enumerate(lines)]


def _document(line: str, id: str, file: str, number: int) -> Candidate:
    if line.lstrip()[0] not in '{"':
        return Candidate(id, line)
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InvalidInputError(f"{file}, line {number} is no JSON: {error}") from error
    if isinstance(row, str):
        return Candidate(id, row)
    if not isinstance(row.get("text"), str):
        raise InvalidInputError(f"{file}, line {number} has no field 'text' with a string in it")
    metadata = {key: value for key, value in row.items() if key not in ("id", "text")}
    return Candidate(str(row.get("id", id)), row["text"], metadata)
