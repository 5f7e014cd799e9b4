"""The same pair is scored once, however often pipelines ask, and what tells stored pairs apart."""

from __future__ import annotations

import inspect
import json
import math
import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from types import FunctionType
from typing import Any
from uuid import uuid4
from weakref import WeakSet

from secondpass.core.errors import InvalidInputError, shown
from secondpass.core.event import Note
from secondpass.models.cache.disk import DiskCache, Entry
from secondpass.stages.score import Pair, Scorer, score_pairs

_PairsByKey = dict[bytes, Pair]


class Cached:
    """A scorer that remembers. Least recently used pairs go first; safe to share between threads.

    Threads that ask for the same pair at the same time wait for one computation. If that fails,
    each of the others computes for itself: what failed may have been another pair of the batch.

    A key is the hash of the scorer's name, its `cache_key` (without one, its own arguments), query
    and text: texts are not kept alive and weights are never mixed up. A forked child keeps the
    entries, and waits for no thread that it does not have.

    Where the disk fails while it is used (full, locked, damaged), scores come from memory and the
    scorer, and the notes of what was computed say so, ``disk_cache``; the note of a row that was
    damaged has ``stored_score_damaged``. The ranking has an event for either.

    Args:
        scorer: Whose scores to keep.
        size: The number of pairs (about 150 bytes each).
        disk: A file that keeps them between runs and shares them between processes; see
            `DiskCache`. It is not part of a recipe.
        disk_size: The number of pairs in that file.

    Raises:
        InvalidInputError: Not a scorer, a size below 1, or a file that cannot be used.
    """

    def __init__(
        self,
        scorer: Scorer,
        size: int = 100_000,
        disk: str | os.PathLike[str] | None = None,
        disk_size: int = 1_000_000,
    ) -> None:
        if not isinstance(scorer, Scorer):
            raise InvalidInputError(f"Cached remembers scorers, and {scorer!r} has no score(pairs)")
        if size < 1:
            raise InvalidInputError(f"a cache of size {size} remembers nothing; give at least 1")
        self.scorer, self.size = scorer, size
        self.disk = None if disk is None else os.fspath(disk)
        self.disk_size = disk_size
        self.name = scorer.name
        self._store = None if self.disk is None else DiskCache(self.disk, disk_size)
        self._settings = settings_of(scorer)
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        self._forget_threads()
        _ALIVE.add(self)

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        """One float per pair; see `Scorer`."""
        return self.score_with_notes(pairs)[0]

    def score_with_notes(self, pairs: Sequence[Pair]) -> tuple[list[float], list[Note]]:
        """One float and one note per pair; a note says ``cached`` where nothing was computed."""
        keys = keys_of(pairs, self._settings)
        missing = dict(zip(keys, pairs, strict=True))
        entries: dict[bytes, Entry] = {}
        while missing:
            claimed, pending = self._claim(missing, entries)
            if claimed:  # before waiting for others, so that no threads wait for each other
                entries |= self._compute(claimed)
            for key, future in pending.items():
                entry = future.result()
                if entry is not None:
                    entries[key] = entry[0], {**entry[1], "cached": True}
            missing = {key: pair for key, pair in missing.items() if key not in entries}
        return [entries[key][0] for key in keys], [entries[key][1] for key in keys]

    def _claim(
        self, missing: _PairsByKey, entries: dict[bytes, Entry]
    ) -> tuple[_PairsByKey, dict[bytes, Future[Entry | None]]]:
        """Fill `entries` from memory; of the rest, what this thread computes and what others do."""
        claimed: _PairsByKey = {}
        pending: dict[bytes, Future[Entry | None]] = {}
        with self._lock:
            for key, pair in missing.items():
                if key in self._entries:
                    self._entries.move_to_end(key)
                    score, note = self._entries[key]
                    entries[key] = score, {**note, "cached": True}
                elif key in self._pending:
                    pending[key] = self._pending[key]
                else:
                    claimed[key] = pair
                    self._pending[key] = Future()
        return claimed, pending

    def _compute(self, claimed: _PairsByKey) -> dict[bytes, Entry]:
        """Entries of claimed pairs, from the disk or the scorer; whatever happens, claims end."""
        storable: dict[bytes, Entry] = {}
        try:
            stored, damaged, failure = self._read_disk(claimed)
            missing = {key: pair for key, pair in claimed.items() if key not in stored}
            computed = self._score(missing)
            storable = {key: entry for key, entry in computed.items() if math.isfinite(entry[0])}
            failure = failure or self._write_disk(storable)
            storable |= stored
            for key, (score, note) in computed.items():
                trouble: Note = {} if failure is None else {"disk_cache_failed": failure}
                if key in damaged:
                    trouble["stored_score_damaged"] = True
                computed[key] = score, {**note, **trouble}
            return computed | {k: (s, {**note, "cached": True}) for k, (s, note) in stored.items()}
        finally:
            with self._lock:
                self._entries.update(storable)
                while len(self._entries) > self.size:
                    self._entries.popitem(last=False)
                # a fork inside the scorer has left none of them in the child
                ended = {k: self._pending.pop(k) for k in claimed if k in self._pending}
            for key, future in ended.items():
                future.set_result(storable.get(key))

    def _read_disk(self, claimed: _PairsByKey) -> tuple[dict[bytes, Entry], set[bytes], str | None]:
        if self._store is None:
            return {}, set(), None
        try:
            return *self._store.get(list(claimed)), None
        except (sqlite3.Error, OSError, ValueError) as error:
            return {}, set(), f"not read: {error}"

    def _write_disk(self, entries: dict[bytes, Entry]) -> str | None:
        if self._store is None or not entries:
            return None
        try:
            self._store.put(entries)
        except (sqlite3.Error, OSError, TypeError, ValueError) as error:
            return f"not written: {error}"
        return None

    def _score(self, missing: _PairsByKey) -> dict[bytes, Entry]:
        scores, notes = score_pairs(self.scorer, list(missing.values()))
        return dict(zip(missing, zip(scores, notes, strict=True), strict=True))

    def _forget_threads(self) -> None:
        """A process that has just begun or was just forked has no threads that compute pairs."""
        self._pending: dict[bytes, Future[Entry | None]] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:  # a copy in another process starts empty
        return type(self), (self.scorer, self.size, self.disk, self.disk_size)


_ALIVE: WeakSet[Cached] = WeakSet()


def _in_child() -> None:
    """A fork copies the claims of threads, and not the threads, which would be waited for."""
    for cached in _ALIVE:
        cached._forget_threads()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_in_child)


def settings_of(scorer: Scorer) -> bytes:
    """What a scorer's numbers depend on besides the pair: its name and its ``cache_key``.

    The name says which weights; the ``cache_key`` states the rest, such as how much of a text is
    read. Of a scorer that states nothing, every argument of its constructor counts, if it is kept
    as an attribute under its own name.

    Raises:
        InvalidInputError: ``cache_key`` is not a string.
    """
    cache_key = getattr(scorer, "cache_key", None)
    if cache_key is not None and not isinstance(cache_key, str):
        raise InvalidInputError(
            f"the cache_key of {scorer.name!r} must be a string, got {shown(cache_key)}"
        )
    arguments = _arguments_of(scorer) if cache_key is None else cache_key
    return json.dumps([scorer.name, arguments], sort_keys=True).encode()


def _arguments_of(scorer: Scorer) -> dict[str, Any]:
    names = inspect.signature(type(scorer)).parameters
    return {name: _plain(getattr(scorer, name)) for name in names if hasattr(scorer, name)}


def _plain(value: object) -> Any:
    """An argument as JSON: plain values, and containers of them; any other object by its name."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return [[_plain(key), _plain(item)] for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__qualname__, *(_plain(getattr(value, f.name)) for f in fields(value))]
    return _name_of(value)


def _name_of(value: object) -> str:
    """Paths, functions, classes and scorers have names that identify them.

    Any other object cannot be told from one of another process, so it gets a name that no other
    has: scores are computed again rather than mixed up.
    """
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, type | FunctionType) and "<" not in value.__qualname__:
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, Scorer):
        return settings_of(value).decode()
    return f"{type(value).__qualname__} {uuid4().hex}"


def keys_of(pairs: Sequence[Pair], settings: bytes) -> list[bytes]:
    """16 bytes for each pair. Lengths are hashed too, so that query and text stay apart."""
    of_query: dict[str, blake2b] = {}
    keys = []
    for query, text in pairs:
        if query not in of_query:
            first = query.encode("utf-8", "surrogatepass")
            of_query[query] = blake2b(
                len(settings).to_bytes(8) + settings + len(first).to_bytes(8) + first,
                digest_size=16,
            )
        key = of_query[query].copy()
        key.update(text.encode("utf-8", "surrogatepass"))
        keys.append(key.digest())
    return keys
