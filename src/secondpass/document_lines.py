"""One document a line: plain text, a JSON string, or a JSON object with a field ``text``."""

from __future__ import annotations

from secondpass.candidate import Candidate
from secondpass.errors import InvalidInputError
from secondpass.jsonl import parse_line


def document(line: str, id: str, where: str) -> Candidate:
    """A line that is not blank; other fields of an object are its metadata.

    Args:
        line: What stands there.
        id: Of a document that has none of its own.
        where: File and line, for the error.

    Raises:
        InvalidInputError: It begins like JSON and is none, or has no text.
    """
    if line.lstrip()[0] not in '{"':
        return Candidate(id, line)
    row = parse_line(line, where)
    if isinstance(row, str):
        return Candidate(id, row)
    if not isinstance(row.get("text"), str):
        raise InvalidInputError(f"{where} has no field 'text' with a string in it")
    metadata = {key: value for key, value in row.items() if key not in ("id", "text")}
    return Candidate(str(row.get("id", id)), row["text"], metadata)
