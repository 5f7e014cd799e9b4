"""Scores kept on disk, shared by processes and kept between runs.

SQLite, which comes with Python: safe between processes, and it stores numbers and JSON, where
diskcache 5.6.3 (2023, its newest) unpickles what it finds (CVE-2025-69872).
"""

from __future__ import annotations

import json
import os
import sqlite3
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from secondpass.core.errors import InvalidInputError
from secondpass.core.event import Note
from secondpass.models.cache.sqlite_file import (
    LOCK_TIMEOUT_S,
    FileKind,
    ForeignFileError,
    SqliteFile,
    checksum,
    rows_of,
)

Entry = tuple[float, Note]
"""A score, and the scorer's note on it."""

_KIND = FileKind(
    what="a file of scores",
    application_id=0x53507363,  # "SPsc"
    version=1,
    tables=(
        "CREATE TABLE scores (age INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, "
        "score REAL NOT NULL, note BLOB NOT NULL, checksum INTEGER NOT NULL)",
    ),
)


class DiskCache:
    """A bounded table of scores in one file. The oldest entries go first.

    Threads, processes and forks may share it. Keep it on a local disk: file locks on network disks
    cannot be relied on.

    Args:
        path: The file; it is made if absent, its folder too.
        size: How many scores at most (about 130 bytes each).
        lock_timeout: Seconds to wait while another process writes.

    Raises:
        InvalidInputError: The file is read-only, or not such a cache; `size` is below 1.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        size: int = 1_000_000,
        *,
        lock_timeout: float = LOCK_TIMEOUT_S,
    ) -> None:
        if size < 1:
            raise InvalidInputError(f"a disk cache of size {size} remembers nothing")
        self.path, self.size = os.fspath(path), size
        self._file = SqliteFile(path, _KIND, "scores by pair", lock_timeout=lock_timeout)
        try:
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            self._file.check(writable=True)
        except ForeignFileError as error:
            raise InvalidInputError(f"cannot keep scores in {self.path!r}: {error}") from error
        except (sqlite3.Error, OSError) as error:
            raise InvalidInputError(
                f"cannot keep scores in {self.path!r}: {error}. Give a file that can be written, "
                "or delete it if it is damaged; it holds nothing that cannot be computed again"
            ) from error

    def get(self, keys: Sequence[bytes]) -> tuple[dict[bytes, Entry], set[bytes]]:
        """The entries of these keys, and the keys whose rows are damaged.

        Raises:
            sqlite3.Error, OSError, ValueError: The file cannot be read (any more).
        """
        entries: dict[bytes, Entry] = {}
        damaged: set[bytes] = set()
        with self._file.reading() as file:
            for key, score, note, stored in rows_of(file, "scores", "score, note, checksum", keys):
                if _is_whole(key, score, note, stored):
                    entries[key] = score, json.loads(note)
                else:
                    damaged.add(key)
        return entries, damaged

    def put(self, entries: Mapping[bytes, Entry]) -> None:
        """Store these, in place of what was stored of them.

        Raises:
            sqlite3.Error, OSError, ValueError: The file cannot be written (any more).
            TypeError: A note is not made of JSON values.
        """
        rows = []
        for key, (score, note) in entries.items():
            text = json.dumps(note).encode()
            rows.append((key, score, text, checksum(key, struct.pack("<d", score), text)))
        with self._file.writing() as file:
            file.executemany(
                "INSERT INTO scores (key, score, note, checksum) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (key) DO UPDATE SET score = excluded.score, note = excluded.note, "
                "checksum = excluded.checksum",
                rows,
            )
            # ages are consecutive except for gaps, so this leaves `size` entries at most
            file.execute(
                "DELETE FROM scores WHERE age <= (SELECT MAX(age) FROM scores) - ?", (self.size,)
            )

    def __len__(self) -> int:
        with self._file.reading() as file:
            return int(file.execute("SELECT COUNT(*) FROM scores").fetchone()[0])


def _is_whole(key: object, score: object, note: object, stored: object) -> bool:
    if not (isinstance(key, bytes) and isinstance(score, float) and isinstance(note, bytes)):
        return False
    return stored == checksum(key, struct.pack("<d", score), note)
