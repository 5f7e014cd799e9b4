"""An SQLite file that is recognised as ours, and rows that show when they were damaged.

What is kept between runs, scores (`secondpass.models.cache.disk`) and vectors of texts
(`secondpass.models.onnx.passage_cache`), can be computed again, so trouble with a file may cost
time and nothing else: another's file is never written, a damaged row is never believed, and nobody
waits for a lock longer than `LOCK_TIMEOUT_S`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from secondpass.core.errors import InvalidInputError

LOCK_TIMEOUT_S = 5.0
"""Seconds that one process waits while another writes."""
_KEYS_AT_ONCE = 500
"""Keys asked for in one statement; SQLite's oldest builds allow 999."""
_MAY_PASS = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
"""What a file is not refused for: a lock, a full disk, a disk that fails."""


class ForeignFileError(InvalidInputError):
    """The file holds something else; it was left as it is."""


class OtherContentsError(ForeignFileError):
    """The file is of the right kind, and was made by something else.

    Attributes:
        contents: What it says that it holds.
    """

    def __init__(self, message: str, contents: str) -> None:
        super().__init__(message)
        self.contents = contents


@dataclass(frozen=True, slots=True)
class FileKind:
    """What tells a file of ours from every other SQLite file.

    Attributes:
        what: For messages, such as "a file of vectors".
        application_id: Four bytes in its header.
        version: Of its tables; files of other versions are refused.
        tables: The statements that make them, beside the table ``about``.
    """

    what: str
    application_id: int
    version: int
    tables: tuple[str, ...]


class SqliteFile:
    """One file, opened for as long as a call takes, so threads, processes and forks may share it.

    It has a rollback journal rather than a write-ahead log: what was written lies in one file,
    which can be read where nothing can be written, such as on a read-only file system. It is then
    opened with ``mode=ro``, locks included; ``immutable=1``, which would believe a file while
    another machine writes it, is never used.

    Args:
        path: The file; it is made if absent, or empty.
        kind: What a file must be.
        contents: What its rows are made of, such as a model's name.
        lock_timeout: Seconds to wait while another process writes.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        kind: FileKind,
        contents: str,
        *,
        lock_timeout: float = LOCK_TIMEOUT_S,
    ) -> None:
        self.path, self.kind, self.contents = Path(path), kind, contents
        self.lock_timeout = lock_timeout
        self.read_only = self.path.exists() and not os.access(self.path, os.W_OK)

    def check(self, *, writable: bool = False) -> None:
        """Make the file if there is none, and refuse what is not ours.

        A lock, a full disk, and damage to a file of ours pass: they cost time, not scores.

        Args:
            writable: Refuse a file that may only be read.

        Raises:
            ForeignFileError: It holds something else.
            sqlite3.Error: It is no SQLite file, or cannot be opened, made, or written.
        """
        try:
            if writable:
                with self.writing() as file:  # a transaction by itself is no write
                    file.execute(f"PRAGMA user_version = {self.kind.version}")
            else:
                with self.reading():
                    pass
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            damaged = code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
            if code not in _MAY_PASS and not (damaged and self._is_ours_and_damaged()):
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The open file; texts come back as bytes, for a damaged one may not be UTF-8.

        Raises:
            ForeignFileError: It holds something else (by now).
            sqlite3.Error: It cannot be read.
        """
        try:
            with closing(self._connected("ro" if self.read_only else "rwc")) as file:
                file.execute("PRAGMA synchronous = NORMAL")
                self._recognise(file)
                yield file
        except UnicodeDecodeError as error:  # of a message that quotes what is damaged
            raise sqlite3.DatabaseError("its tables are damaged") from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The open file in a transaction, which is undone if anything is raised.

        Raises:
            ForeignFileError: It holds something else (by now).
            sqlite3.Error: It cannot be written.
        """
        with self.reading() as file:
            file.execute("BEGIN IMMEDIATE")
            yield file
            file.execute("COMMIT")

    def _connected(self, mode: str) -> sqlite3.Connection:
        file = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=self.lock_timeout,
            isolation_level=None,
        )
        file.text_factory = bytes
        return file

    def _recognise(self, file: sqlite3.Connection) -> None:
        if _pragma(file, "page_count") == 0:
            self._create(file)
        if (_pragma(file, "application_id"), _pragma(file, "user_version")) != (
            self.kind.application_id,
            self.kind.version,
        ):
            raise ForeignFileError(
                f"{self.path} is an SQLite file and not {self.kind.what} of this version of "
                "secondpass, so it was left as it is; give another file, or delete it if it is an "
                "older one, and it is made anew"
            )
        row = file.execute("SELECT contents FROM about").fetchone()
        contents = bytes(row[0]).decode("utf-8", "replace") if row else "nothing"
        if contents != self.contents:
            raise OtherContentsError(
                f"{self.path} holds {contents!r}, not {self.contents!r}", contents
            )

    def _create(self, file: sqlite3.Connection) -> None:
        """All in one transaction: another process sees a file of ours, or an empty one."""
        file.execute("BEGIN IMMEDIATE")
        empty = file.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        if empty and _pragma(file, "application_id") == 0:
            file.execute(f"PRAGMA application_id = {self.kind.application_id}")
            file.execute(f"PRAGMA user_version = {self.kind.version}")
            for table in ("CREATE TABLE about (contents TEXT NOT NULL)", *self.kind.tables):
                file.execute(table)
            file.execute("INSERT INTO about VALUES (?)", (self.contents,))
        file.execute("COMMIT")

    def _is_ours_and_damaged(self) -> bool:
        try:
            with closing(self._connected("ro")) as file:
                file.execute("PRAGMA writable_schema = ON")  # reads what has lost its last pages
                return bool(_pragma(file, "application_id") == self.kind.application_id)
        except (sqlite3.Error, UnicodeDecodeError):
            return False


def checksum(key: bytes, *columns: bytes) -> int:
    """CRC-32 over a row and its key, so that a row under another's key does not fit either.

    Bits that flip by accident are all that it must find, and it costs a fifth of a hash: a text's
    vectors are checked each time that they are read.
    """
    total = crc32(key)
    for column in columns:
        total = crc32(column, total)
    return total


def rows_of(
    file: sqlite3.Connection, table: str, columns: str, keys: Sequence[bytes]
) -> Iterator[tuple[Any, ...]]:
    """(key, *columns) of those of `keys` that are there."""
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        some = keys[start : start + _KEYS_AT_ONCE]
        marks = ",".join("?" * len(some))
        yield from file.execute(f"SELECT key, {columns} FROM {table} WHERE key IN ({marks})", some)


def _pragma(file: sqlite3.Connection, name: str) -> int:
    return int(file.execute(f"PRAGMA {name}").fetchone()[0])
