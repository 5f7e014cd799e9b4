"""Where the rows of a `PassageCache` are: an SQLite file, an LMDB file, or a folder of 16 files.

SQLite needs nothing installed; LMDB is faster to look up and is read while it is written:
`benchmarks/split_store.py` measures both, and what was not taken.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from secondpass.models.cache.sqlite_file import FileKind, SqliteFile, rows_of

Row = tuple[Any, Any, Any]
"""Key, value, checksum: as they were found, so perhaps damaged."""

SQLITE = FileKind(
    what="a file of vectors",
    application_id=0x53507663,  # "SPvc"
    version=2,
    tables=(  # with a rowid: rows of kilobytes do not belong in an index
        "CREATE TABLE texts (key BLOB PRIMARY KEY, vectors BLOB NOT NULL, "
        "checksum INTEGER NOT NULL)",
    ),
)
LMDB_SUFFIX = ".lmdb"
SMALL_SUFFIX = ".small"
"""Of a store whose texts take a fifth of the bytes; before ".lmdb", if that is there too."""


def is_small(path: str | os.PathLike[str]) -> bool:
    """Whether a store is one of small texts, by its name."""
    name = Path(path)
    return (name.with_suffix("") if name.suffix == LMDB_SUFFIX else name).suffix == SMALL_SUFFIX


class PassageRows(Protocol):
    """Rows by key, which many processes read and write.

    Attributes:
        path: Where they are.
        read_only: Nothing can be written.
    """

    path: Path
    read_only: bool

    def check(self) -> None:
        """Make it if there is none; raise if it holds something else."""

    def count(self) -> int:
        """The number of rows."""

    def get(self, keys: Sequence[bytes]) -> Iterator[Row]:
        """Those of `keys` that are there."""

    def put(self, rows: Sequence[Row]) -> None:
        """Write them, all or none."""


class SqliteRows:
    """In a table of an SQLite file; see `SqliteFile`."""

    def __init__(self, path: str | os.PathLike[str], contents: str, lock_timeout: float) -> None:
        self._file = SqliteFile(path, SQLITE, contents, lock_timeout=lock_timeout)
        self.path, self.read_only = self._file.path, self._file.read_only

    def check(self) -> None:
        self._file.check()

    def count(self) -> int:
        with self._file.reading() as file:
            return int(file.execute("SELECT count(*) FROM texts").fetchone()[0])

    def get(self, keys: Sequence[bytes]) -> Iterator[Row]:
        with self._file.reading() as file:
            try:
                yield from list(rows_of(file, "texts", "vectors, checksum", keys))
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_CORRUPT:
                    raise
                yield from self._one_by_one(file, keys, error)

    def _one_by_one(
        self, file: sqlite3.Connection, keys: Sequence[bytes], error: sqlite3.DatabaseError
    ) -> Iterator[Row]:
        """Around a damaged page: what lies on it has no value; raises if nothing can be read."""
        read = 0
        for key in keys:
            try:
                found = list(rows_of(file, "texts", "vectors, checksum", [key]))
                read += 1
            except sqlite3.DatabaseError:
                found = [(key, None, None)]
            yield from found
        if not read:
            raise error

    def put(self, rows: Sequence[Row]) -> None:
        with self._file.writing() as file:
            file.executemany("INSERT OR REPLACE INTO texts VALUES (?, ?, ?)", rows)


class ShardedRows:
    """In 16 files of a folder, by the first four bits of the key.

    So several processes write at the same time, and the files may lie on several disks.
    """

    def __init__(self, path: str | os.PathLike[str], shards: Sequence[PassageRows]) -> None:
        self.path, self._shards = Path(path), shards
        self.read_only = all(shard.read_only for shard in shards)

    def check(self) -> None:
        for shard in self._shards:
            shard.check()

    def count(self) -> int:
        return sum(shard.count() for shard in self._shards)

    def get(self, keys: Sequence[bytes]) -> Iterator[Row]:
        for number, shard in enumerate(self._shards):
            if mine := [key for key in keys if _shard(key) == number]:
                yield from shard.get(mine)

    def put(self, rows: Sequence[Row]) -> None:
        for number, shard in enumerate(self._shards):
            if mine := [row for row in rows if _shard(row[0]) == number]:
                shard.put(mine)


def open_rows(path: str | os.PathLike[str], contents: str, lock_timeout: float) -> PassageRows:
    """The rows at a path; nothing is opened yet.

    Args:
        path: A folder that exists is 16 files; what ends in ".lmdb" is an LMDB file; any other is
            an SQLite file. A folder whose name ends in ".lmdb" holds LMDB files.
        contents: What the rows are made of.
        lock_timeout: Seconds to wait while another process writes; SQLite only.

    Raises:
        MissingExtraError: LMDB is not installed.
    """
    is_lmdb = Path(path).suffix == LMDB_SUFFIX

    def one(file: str | os.PathLike[str]) -> PassageRows:
        if is_lmdb:
            from secondpass.models.onnx.lmdb_rows import LmdbRows

            return LmdbRows(file, contents)
        return SqliteRows(file, contents, lock_timeout)

    if not Path(path).is_dir():
        return one(path)
    return ShardedRows(path, [one(Path(path) / f"shard-{number:x}") for number in range(16)])


def _shard(key: bytes) -> int:
    return key[0] >> 4
