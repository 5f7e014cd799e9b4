"""Vectors of texts on disk: the model reads a text once for all later queries."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from secondpass.core.errors import ModelError
from secondpass.models.cache.sqlite_file import (
    LOCK_TIMEOUT_S,
    ForeignFileError,
    OtherContentsError,
    checksum,
)
from secondpass.models.onnx.passage_rows import open_rows


@dataclass(slots=True)
class StoredVectors:
    """What a file holds of some texts, and what went wrong with it.

    Attributes:
        packed: Bytes by text, of those that are there and whole.
        damaged: Texts whose rows are not what was written; the model reads them again.
        failure: Why the file was not read or not written, for people; None if it was.
    """

    packed: dict[str, bytes] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)
    failure: str | None = None


class PassageCache:
    """A file of vectors by a text's hash; the texts themselves are not in it.

    An SQLite file; an LMDB file, where its name ends in ".lmdb" (extra ``lmdb``: faster to look up,
    see `benchmarks/split_store.py`, and read while it is written); or 16 of either, where it is a
    folder that exists.

    What a row holds is for the model to say, see `Matching.pack`. Many threads and processes may
    use one file at once; a file that may not be written is read only. Nothing is ever removed:
    delete the file to start again. Each row has a checksum.
    Once it is open, no trouble with the file raises: `StoredVectors` says what it was.

    Args:
        path: The file, made if it does not exist; or the folder, which must exist.
        model: The model that computes the vectors. Another model's file is refused.
        is_whole: Whether bytes can be those of a text.
        lock_timeout: Seconds to wait while another process writes.

    Attributes:
        read_only: Nothing new is kept.

    Raises:
        ModelError: Not such a file, another model's, or its folder does not exist. The file is
            left as it is.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        model: str,
        is_whole: Callable[[bytes], bool],
        *,
        lock_timeout: float = LOCK_TIMEOUT_S,
    ) -> None:
        self._rows = open_rows(path, model, lock_timeout)
        self.path, self.model, self._could_be = self._rows.path, model, is_whole
        self.read_only = self._rows.read_only
        try:
            self._rows.check()
        except OtherContentsError as error:
            raise ModelError(
                f"{self.path} holds vectors of {error.contents!r}, not of {model!r}; "
                "give another file, or delete it and it is made anew"
            ) from error
        except (ForeignFileError, sqlite3.Error) as error:
            raise ModelError(f"{self.path} cannot be used as a file of vectors: {error}") from error

    def __len__(self) -> int:
        """The number of texts.

        Raises:
            sqlite3.Error: The file cannot be read.
        """
        return self._rows.count()

    def get(self, texts: Iterable[str]) -> StoredVectors:
        """Those of `texts` that are there."""
        text_of = {_key(text): text for text in texts}
        stored = StoredVectors()
        try:
            for key, blob, sum_ in self._rows.get(list(text_of)):
                text = text_of[key]
                if self._is_whole(key, blob, sum_):
                    stored.packed[text] = blob
                else:
                    stored.damaged.add(text)
        except (sqlite3.Error, OSError, ForeignFileError) as error:
            stored.failure = f"not read: {error}"
        return stored

    def add(self, vectors: Mapping[str, bytes]) -> str | None:
        """Store them, in place of what was stored of them. Nothing if read only.

        Returns:
            Why they were not written, for people; None if they were, or if the file is read only.
        """
        if self.read_only:
            return None
        rows = []
        for text, blob in vectors.items():
            key = _key(text)
            rows.append((key, blob, checksum(key, blob)))
        try:
            self._rows.put(rows)
        except (sqlite3.Error, OSError, ForeignFileError) as error:
            return f"not written: {error}"
        return None

    def _is_whole(self, key: object, blob: object, stored: object) -> bool:
        """Of a text, and as it was written."""
        if not (isinstance(key, bytes) and isinstance(blob, bytes)):
            return False
        return stored == checksum(key, blob) and self._could_be(blob)


def _key(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
