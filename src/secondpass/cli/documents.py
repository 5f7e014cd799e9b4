"""Documents from a file or standard input, one a line."""

from __future__ import annotations

import sys
from pathlib import Path

from secondpass.candidate import Candidate
from secondpass.document_lines import document
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
    return [
        document(line, str(place), f"{file}, line {n}") for place, (n, line) in enumerate(lines)
    ]
