"""Rows in an LMDB file: memory mapped, read by any number of processes while one of them writes."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from secondpass.core.errors import MissingExtraError
from secondpass.models.cache.sqlite_file import ForeignFileError, OtherContentsError
from secondpass.models.onnx.passage_rows import Row

try:
    import lmdb
except ImportError as error:
    raise MissingExtraError("a file of vectors that ends in .lmdb", "lmdb") from error

FORMAT = "secondpass vectors 1"
_ABOUT = b"about"
"""No key of a text: those have 16 bytes."""
_MOST_BYTES = 1 << 40
"""Of addresses, not of disk: a file is as large as what is in it."""
_READERS = 1024
_MAGIC = b"\xde\xc0\xef\xbe"
"""Bytes 16 to 20 of every LMDB file."""


class LmdbError(OSError):
    """LMDB could not read or write."""


class LmdbRows:
    """See `PassageRows`. One process writes at a time; the others wait for it.

    Args:
        path: The file; beside it is a file of locks.
        contents: What the rows are made of, such as a model's name.
    """

    def __init__(self, path: str | os.PathLike[str], contents: str) -> None:
        self.path, self.contents = Path(path), contents
        self.read_only = self.path.exists() and not os.access(self.path, os.W_OK)

    def check(self) -> None:
        try:
            about = self._about()
            if about is None and not self.read_only:
                self._create()
                about = self._about()
        except LmdbError as error:
            raise ForeignFileError(str(error)) from error
        if not isinstance(about, dict) or about.get("format") != FORMAT:
            raise ForeignFileError(
                f"{self.path} is an LMDB file and not a file of vectors of this version of "
                "secondpass, so it was left as it is; give another file"
            )
        if about.get("contents") != self.contents:
            contents = str(about.get("contents"))
            raise OtherContentsError(
                f"{self.path} holds {contents!r}, not {self.contents!r}", contents
            )

    def count(self) -> int:
        return max(0, int(self._environment().stat()["entries"]) - 1)

    def get(self, keys: Sequence[bytes]) -> Iterator[Row]:
        try:
            with self._environment().begin() as transaction:
                found = [(key, transaction.get(key)) for key in sorted(keys)]
        except lmdb.Error as error:
            raise LmdbError(str(error)) from error
        for key, value in found:
            if value is not None:
                yield key, value[4:], int.from_bytes(value[:4], "little")

    def put(self, rows: Sequence[Row]) -> None:
        try:
            with self._environment().begin(write=True) as transaction:
                for key, value, checksum in sorted(rows):
                    transaction.put(key, checksum.to_bytes(4, "little") + value)
        except lmdb.Error as error:
            raise LmdbError(str(error)) from error

    def _about(self) -> Any:
        """What the file says of itself; None where it is empty."""
        try:
            environment = self._environment()
            with environment.begin() as transaction:
                value = transaction.get(_ABOUT)
        except lmdb.Error as error:
            raise LmdbError(f"{self.path}: {error}") from error
        if value is None:
            return None if environment.stat()["entries"] == 0 else {}
        try:
            return json.loads(value)
        except ValueError:
            return {}

    def _create(self) -> None:
        about = json.dumps({"format": FORMAT, "contents": self.contents}).encode()
        with self._environment().begin(write=True) as transaction:
            transaction.put(_ABOUT, about, overwrite=False)  # another process may be first

    def _environment(self) -> Any:
        return _OPEN.get(self.path, self.read_only)


class _OpenFiles:
    """Each file once for all its users in this process, as LMDB demands, and anew after a fork."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Of a process that was just forked."""
        self._lock = threading.Lock()
        self._files: dict[Path, tuple[tuple[int, int, bool], Any]] = {}

    def get(self, path: Path, read_only: bool) -> Any:
        """The open file.

        Raises:
            LmdbError: It is no LMDB file, cut short, or cannot be opened or made.
        """
        with self._lock:
            place = path.resolve()
            identity, known = self._files.get(place, (None, None))
            if known is not None:
                if identity == _identity(path, read_only):
                    return known
                del self._files[place]
                known.close()  # the file was deleted, and LMDB goes by the name
            _check_whole(path)
            try:
                opened = lmdb.open(
                    str(path), subdir=False, map_size=_MOST_BYTES, max_readers=_READERS,
                    readonly=read_only, lock=not read_only, metasync=False, readahead=False,
                )  # fmt: skip
            except (lmdb.Error, OSError) as error:
                raise LmdbError(f"{path}: {error}") from error
            self._files[place] = (_identity(path, read_only), opened)
            return opened


_OPEN = _OpenFiles()
if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_OPEN.forget)


def _identity(path: Path, read_only: bool) -> tuple[int, int, bool]:
    """Of the file rather than the name, under which another file may be made."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0, read_only)
    return (found.st_dev, found.st_ino, read_only)


def _check_whole(path: Path) -> None:
    """A file that is mapped and shorter than it says ends the process that reads on."""
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open("rb") as file:
        head = file.read(4096)
    if head[16:20] != _MAGIC:
        raise LmdbError(f"{path} is no LMDB file, so it was left as it is; give another")
    size = int.from_bytes(head[40:44], "little")
    file_size = path.stat().st_size
    last = 0
    with path.open("rb") as file:
        for page in range(2):
            file.seek(page * size)
            meta = file.read(4096)
            last = max(last, int.from_bytes(meta[136:144], "little"))
    if size and (last + 1) * size > file_size:
        raise LmdbError(f"{path} is cut short; delete it, and it is made anew")
