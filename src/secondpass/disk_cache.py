"""Scores kept on disk, shared by processes and kept between runs.

SQLite, which comes with Python: safe between processes, and it stores numbers and JSON, where
diskcache 5.6.3 (2023, its newest) unpickles what it finds (CVE-2025-69872).
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from secondpass.candidate import Note
from secondpass.errors import InvalidInputError

Known = tuple[float, Note]
"""A score, and what the scorer had to say beside it."""

_TABLE = """
CREATE TABLE IF NOT EXISTS secondpass_scores (
    age INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, score REAL NOT NULL, note TEXT NOT NULL
)"""
_AT_ONCE = 500
"""Keys asked for in one statement; SQLite's oldest builds allow 999."""
_WAIT = 5.0
"""Seconds that one process waits while another writes."""


class DiskCache:
    """A bounded table of scores in one file. The oldest entries go first.

    Each call opens the file for itself, so threads, processes and forks may share it. Keep it on a
    local disk: file locks on network disks cannot be relied on.

    Args:
        path: The file; it is made if absent, its folder too.
        size: How many scores at most (about 120 bytes each).

    Raises:
        InvalidInputError: The file is damaged, read-only, or no such cache; `size` is below 1.
    """

    def __init__(self, path: str | os.PathLike[str], size: int = 1_000_000) -> None:
        if size < 1:
            raise InvalidInputError(f"a disk cache of size {size} remembers nothing")
        self.path, self.size = os.fspath(path), size
        try:
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            with self._open() as file:
                file.execute(_TABLE)
                file.execute("PRAGMA user_version = 1")  # a write: says now whether it may
        except (sqlite3.Error, OSError) as error:
            raise InvalidInputError(
                f"cannot keep scores in {self.path!r}: {error}. Give a file that can be written, "
                "or delete it if it is damaged; it holds nothing that cannot be computed again"
            ) from error

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Known]:
        """What is known of these.

        Raises:
            sqlite3.Error, OSError, ValueError: The file cannot be read (any more).
        """
        found: dict[bytes, Known] = {}
        with self._open() as file:
            for start in range(0, len(keys), _AT_ONCE):
                some = keys[start : start + _AT_ONCE]
                places = ",".join("?" * len(some))
                rows = file.execute(
                    f"SELECT key, score, note FROM secondpass_scores WHERE key IN ({places})",
                    some,
                )
                found |= {key: (score, json.loads(note)) for key, score, note in rows}
        return found

    def put(self, known: Mapping[bytes, Known]) -> None:
        """Keep these; what is there already stays as it is.

        Raises:
            sqlite3.Error, OSError: The file cannot be written (any more).
            TypeError: A note is not made of JSON values.
        """
        rows = [(key, score, json.dumps(note)) for key, (score, note) in known.items()]
        with self._open() as file:
            file.executemany(
                "INSERT OR IGNORE INTO secondpass_scores (key, score, note) VALUES (?, ?, ?)", rows
            )
            # ages are consecutive but for gaps, so this leaves `size` entries at most
            file.execute(
                "DELETE FROM secondpass_scores "
                "WHERE age <= (SELECT MAX(age) FROM secondpass_scores) - ?",
                (self.size,),
            )

    def __len__(self) -> int:
        with self._open() as file:
            return int(file.execute("SELECT COUNT(*) FROM secondpass_scores").fetchone()[0])

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=_WAIT)) as file, file:
            yield file
