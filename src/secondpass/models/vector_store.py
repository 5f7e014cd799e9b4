"""Texts' token vectors on disk: the model reads a text once for all queries to come."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from secondpass.errors import ModelError
from secondpass.models.token_matching import TextVectors

AT_ONCE = 500
"""Keys in one question to SQLite."""
TABLES = """
CREATE TABLE IF NOT EXISTS made_by (model TEXT NOT NULL, hidden INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS texts (key BLOB PRIMARY KEY, rows BLOB NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Packed:
    """A text's vectors as they are kept: codes of the mean and the tokens, and then the scales."""

    blob: bytes
    hidden: int

    def unpacked(self) -> TextVectors:
        """As floats, four times as large."""
        count = len(self.blob) // (self.hidden + 2)
        codes = np.frombuffer(self.blob, np.int8, count * self.hidden)
        scales = np.frombuffer(self.blob, np.float16, count, offset=count * self.hidden)
        rows = codes.reshape(count, -1).astype(np.float32) * scales.astype(np.float32)[:, None]
        return TextVectors(rows[1:], rows[0])


class VectorStore:
    """An SQLite file of int8 vectors by a text's hash; the texts themselves are not in it.

    One byte a dimension and two for a scale, each token: 27 kB for a passage of 70 tokens at 384
    dimensions. Many processes may use one file at once; a file that may not be written is read
    only. Nothing is ever removed: delete the file to begin anew.

    Args:
        path: The file; made if it does not exist.
        model: What makes the vectors. Another model's file is refused.
        hidden: Dimensions of a vector.

    Raises:
        ModelError: Not such a file, another model's, or its folder does not exist.
    """

    def __init__(self, path: str | os.PathLike[str], model: str, hidden: int) -> None:
        self.path, self.model, self.hidden = Path(path), model, hidden
        self._lock = threading.Lock()
        self.read_only = self.path.exists() and not os.access(self.path, os.W_OK)
        mode = "ro" if self.read_only else "rwc"
        try:
            self._db = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode={mode}",
                uri=True,
                timeout=30,
                check_same_thread=False,
            )
            if not self.read_only:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                self._db.executescript(TABLES)
            made = self._made_by()
        except sqlite3.Error as error:
            raise ModelError(f"{self.path} cannot be used as a file of vectors: {error}") from error
        if made != (model, hidden):
            raise ModelError(
                f"{self.path} holds vectors of {made[0]!r}, not of {model!r}; "
                "give another file, or delete it and it is made anew"
            )

    def _made_by(self) -> tuple[str, int]:
        with self._db:
            if not self.read_only:  # one statement, so that two processes cannot both sign
                self._db.execute(
                    "INSERT INTO made_by SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM made_by)",
                    (self.model, self.hidden),
                )
            name, hidden = self._db.execute("SELECT model, hidden FROM made_by").fetchone()
        return str(name), int(hidden)

    def __len__(self) -> int:
        with self._lock:
            return int(self._db.execute("SELECT count(*) FROM texts").fetchone()[0])

    def get(self, texts: Iterable[str]) -> dict[str, Packed]:
        """Those of `texts` that are there."""
        keys = {_key(text): text for text in texts}
        asked, found = list(keys), {}
        for start in range(0, len(asked), AT_ONCE):
            part = asked[start : start + AT_ONCE]
            marks = ",".join("?" * len(part))
            with self._lock:
                rows = self._db.execute(
                    f"SELECT key, rows FROM texts WHERE key IN ({marks})", part
                ).fetchall()
            found.update({keys[key]: Packed(blob, self.hidden) for key, blob in rows})
        return found

    def add(self, vectors: Mapping[str, TextVectors]) -> None:
        """Keep them; those that are there already stay as they are. Nothing if read only."""
        if self.read_only:
            return
        rows = [(_key(text), _packed(given)) for text, given in vectors.items()]
        with self._lock, self._db:
            self._db.executemany("INSERT OR IGNORE INTO texts VALUES (?, ?)", rows)

    def close(self) -> None:
        """Close the file; what was added is in it already."""
        self._db.close()


def _packed(given: TextVectors) -> bytes:
    """The mean and then the tokens, int8 with a scale each, and then the scales."""
    rows = np.concatenate([given.mean[None], given.vectors])
    scales = (np.abs(rows).max(axis=1) / 127).astype(np.float16)
    exact = rows / np.maximum(scales, np.float16(1e-4))[:, None]
    codes = np.rint(exact).clip(-127, 127).astype(np.int8)
    return bytes(codes.tobytes() + scales.tobytes())


def _key(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
