r"""JSON lines: the one reader of files that hold one value per line.

A line ends at ``\n`` or ``\r\n`` and nowhere else: U+2028, U+2029, U+0085 and the separators of
ASCII, at which `str.splitlines` cuts too, are ordinary characters of a JSON string or of a text.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any, NoReturn

from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError

PathLike = str | os.PathLike[str]

DEEPEST = 200
"""Lists and objects within each other: far below where any Python's own JSON reader gives up, and
more than any query or document has."""


def read_lines(path: PathLike, *, may_be_empty: bool = True) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line of a file that is not blank, without its end.

    Files packed by gzip are unpacked; no file is ever held whole.

    Raises:
        InvalidInputError: The file cannot be read, is damaged, is not UTF-8, or has no line that
            is not blank although it must not be empty; names it and the line.
    """
    path, is_empty = Path(path), True
    try:
        with path.open("rb") as file, _unpacked(file, path) as stream:
            for numbered in decode_lines(stream, path):
                is_empty = False
                yield numbered
    except OSError as error:
        raise InvalidInputError(f"cannot read {path}: {error}") from error
    if is_empty and not may_be_empty:
        raise InvalidInputError(f"{path} is empty")


def _unpacked(file: BufferedReader, path: Path) -> BufferedReader | gzip.GzipFile:
    """By its first bytes, since some files are renamed; an empty one is empty, packed or not.

    They are looked at and not read: a pipe gives them once.
    """
    start = file.peek(2)[:2]
    packed = start == b"\x1f\x8b" or (path.suffix == ".gz" and start != b"")
    return gzip.GzipFile(fileobj=file) if packed else file


def read_rows(path: PathLike, *, may_be_empty: bool = True) -> Iterator[tuple[int, Any]]:
    """Number (from 1) and JSON value of each line of a file that is not blank.

    Raises:
        InvalidInputError: See `read_lines` and `parse_line`.
    """
    for number, line in read_lines(path, may_be_empty=may_be_empty):
        yield number, parse_line(line, line_name(path, number))


def decode_lines(stream: Iterable[bytes], name: PathLike) -> Iterator[tuple[int, str]]:
    r"""Number (from 1) and text of each line that is not blank, without its end.

    Args:
        stream: A file open in binary mode, packed ones unpacked, or any lines that end at ``\n``;
            it is never held whole.
        name: For errors.

    Raises:
        InvalidInputError: A line that is not UTF-8, or damaged as the stream unpacks it.
    """
    number = 0
    try:
        for number, raw in enumerate(stream, start=1):
            # some editors put a byte order mark in front of the file
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            text = text.removesuffix("\n").removesuffix("\r")
            if text.strip():
                yield number, text
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"cannot read {os.fspath(name)}: line {number} is not UTF-8 ({error.reason}); convert "
            "the file to UTF-8, and unpack it if it is packed"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        behind = f" behind line {number}; it is damaged, so get it again" if number else ""
        raise InvalidInputError(f"cannot read {os.fspath(name)}{behind}: {error}") from error


def parse_line(line: str, where: str) -> Any:
    """The value that a line holds, as JSON has it: finite numbers, and no NaN.

    Half of a surrogate pair, which JSON may write as an escape, stays what it is; models read it
    as U+FFFD.

    Args:
        line: One line.
        where: File and line, for the error; see `line_name`.

    Raises:
        InvalidInputError: Not JSON, a number that JSON does not have, or too deep.
    """
    try:
        value = json.loads(line, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise _too_deep(where) from None
    except ValueError as error:
        raise InvalidInputError(f"{where} is not JSON: {error}") from error
    if line.count("[") + line.count("{") > DEEPEST and _is_deep(value):
        raise _too_deep(where)
    return value


def line_name(path: PathLike, number: int) -> str:
    """How messages name a line."""
    return f"{os.fspath(path)}, line {number}"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number that JSON has; write null, or leave the field out")


def _finite(digits: str) -> float:
    number = float(digits)
    if number - number:  # NaN for the infinities
        raise ValueError(f"{digits[:40]} is more than a number can hold")
    return number


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            item
            for holder in level
            if isinstance(holder, list | dict)
            for item in (holder.values() if isinstance(holder, dict) else holder)
        ]
    return any(isinstance(item, list | dict) for item in level)


def _too_deep(where: str) -> InvalidInputError:
    return InvalidInputError(
        f"{where} nests lists and objects too deep; up to {DEEPEST} within each other are read"
    )


def document(line: str, id: str, where: str) -> Candidate:
    """A line that is not blank; other fields of an object are its metadata.

    Args:
        line: What stands there.
        id: Of a document that has none of its own.
        where: File and line, for the error.

    Raises:
        InvalidInputError: It begins like JSON and is not, or has no text.
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
