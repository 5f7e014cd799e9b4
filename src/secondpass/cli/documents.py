"""A query from the command line, and documents from a file or standard input, one per line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError
from secondpass.core.jsonl import decode_lines, document, line_name, read_lines

HELP = (
    "Documents, one per line: JSON objects with a field 'text' (and 'id', and any metadata), JSON "
    "strings, or plain text. '-' reads standard input."
)


def read_documents(file: str) -> list[Candidate]:
    """Each non-empty line as a candidate; its index is the id of one that has none.

    Raises:
        InvalidInputError: The file cannot be read, or a line is not a document; names both.
    """
    name = "standard input" if file == "-" else file
    lines = _standard_input(name) if file == "-" else read_lines(file)
    return [
        document(line, str(index), line_name(name, number))
        for index, (number, line) in enumerate(lines)
    ]


def _standard_input(name: str) -> Iterator[tuple[int, str]]:
    if sys.stdin is None:  # closed by the parent process
        raise InvalidInputError(f"cannot read {name}: it is closed; name a file, or pipe one in")
    return decode_lines(sys.stdin.buffer, name)


def decode_query(query: str) -> str:
    """A query from the command line as it was typed, whatever the locale made of its bytes.

    Raises:
        InvalidInputError: Its bytes are not UTF-8.
    """
    if not any("\udc80" <= character <= "\udcff" for character in query):
        return query
    try:
        return os.fsencode(query).decode("utf-8")
    except UnicodeError:
        raise InvalidInputError("the query is not UTF-8; set the terminal to UTF-8") from None
