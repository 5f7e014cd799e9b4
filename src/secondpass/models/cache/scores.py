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
from secondpass.models.cache.disk import DiskCache, Known
from secondpass.stages.score import Pair, Scorer, score_pairs

_Asked = dict[bytes, Pair]


class Cached:
    """A scorer that remembers. Least recently used pairs go first; safe to share between threads.

    Threads that ask for the same pair at the same time wait for one computation. If that fails,
    each of the others computes for itself: what failed may have been another pair of the batch.

    A key is the scorer's name, its `cache_key` (without one, its own arguments), query and text, by
    hash: texts are not kept alive and weights are never mixed up. A forked child keeps what was
    known, and waits for no thread that it does not have.

    Where the disk fails while it is used (full, locked, damaged), scores come from memory and the
    scorer, and the notes of what was computed say so, ``disk_cache``; of a row that is damaged,
    ``stored_score_damaged``. The ranking has an event for either.

    Args:
        scorer: What to remember.
        size: How many pairs (about 150 bytes each).
        disk: A file that keeps them between runs and shares them between processes; see
            `DiskCache`. It is no part of a recipe.
        disk_size: How many pairs in that file.

    Raises:
        InvalidInputError: No scorer, a size below 1, or a file that cannot be used.
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
        self._known: OrderedDict[bytes, Known] = OrderedDict()
        self._forget_threads()
        _ALIVE.add(self)

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        """One float per pair; see `Scorer`."""
        return self.score_with_notes(pairs)[0]

    def score_with_notes(self, pairs: Sequence[Pair]) -> tuple[list[float], list[Note]]:
        """One float and one note per pair; a note says ``cached`` where nothing was computed."""
        keys = keys_of(pairs, self._settings)
        asked = dict(zip(keys, pairs, strict=True))
        found: dict[bytes, Known] = {}
        while asked:
            ours, theirs = self._claim(asked, found)
            if ours:  # before waiting for others, so that nobody waits in a circle
                found |= self._computed(ours)
            for key, future in theirs.items():
                made = future.result()
                if made is not None:
                    found[key] = made[0], {**made[1], "cached": True}
            asked = {key: pair for key, pair in asked.items() if key not in found}
        return [found[key][0] for key in keys], [found[key][1] for key in keys]

    def _claim(
        self, asked: _Asked, found: dict[bytes, Known]
    ) -> tuple[_Asked, dict[bytes, Future[Known | None]]]:
        """Fill `found` from memory; of the rest, what this thread is to compute and what not."""
        ours: _Asked = {}
        theirs: dict[bytes, Future[Known | None]] = {}
        known, pending = self._known, self._pending
        with self._lock:
            for key, pair in asked.items():
                if key in known:
                    known.move_to_end(key)
                    score, note = known[key]
                    found[key] = score, {**note, "cached": True}
                elif key in pending:
                    theirs[key] = pending[key]
                else:
                    ours[key] = pair
                    pending[key] = Future()
        return ours, theirs

    def _computed(self, ours: _Asked) -> dict[bytes, Known]:
        """Scores of claimed pairs, from the disk or the scorer; whatever happens, claims end."""
        made: dict[bytes, Known] = {}
        kept: dict[bytes, Known] = {}
        try:
            stored, damaged, failure = self._stored(ours)
            missing = {key: pair for key, pair in ours.items() if key not in stored}
            new = self._scored(missing)
            kept = {key: known for key, known in new.items() if math.isfinite(known[0])}
            failure = failure or self._store_new(kept)
            kept |= stored
            if failure is not None:
                new = {
                    k: (s, {**note, "disk_cache_failed": failure}) for k, (s, note) in new.items()
                }
            for key in damaged & new.keys():
                score, note = new[key]
                new[key] = score, {**note, "stored_score_damaged": True}
            made = new | {k: (s, {**note, "cached": True}) for k, (s, note) in stored.items()}
        finally:
            with self._lock:
                self._known.update(kept)
                while len(self._known) > self.size:
                    self._known.popitem(last=False)
                # a fork inside the scorer has left none of them in the child
                ended = {key: self._pending.pop(key) for key in ours if key in self._pending}
            for key, future in ended.items():
                future.set_result(kept.get(key))
        return made

    def _stored(self, ours: _Asked) -> tuple[dict[bytes, Known], set[bytes], str | None]:
        if self._store is None:
            return {}, set(), None
        try:
            return *self._store.get(list(ours)), None
        except (sqlite3.Error, OSError, ValueError) as error:
            return {}, set(), f"not read: {error}"

    def _store_new(self, new: dict[bytes, Known]) -> str | None:
        if self._store is None or not new:
            return None
        try:
            self._store.put(new)
        except (sqlite3.Error, OSError, TypeError, ValueError) as error:
            return f"not written: {error}"
        return None

    def _scored(self, missing: _Asked) -> dict[bytes, Known]:
        scores, notes = score_pairs(self.scorer, list(missing.values()))
        return dict(zip(missing, zip(scores, notes, strict=True), strict=True))

    def _forget_threads(self) -> None:
        """Of a process that has just begun, or was just forked: no thread of it computes a pair."""
        self._pending: dict[bytes, Future[Known | None]] = {}
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
    """What a scorer's numbers depend on beside the pair: its name, and what it states or is given.

    The name says which weights; how much of a text is read, it does not. A scorer states that as
    its ``cache_key``. Of a scorer that states nothing, every argument counts, found as recipes find
    them: kept as attributes under their own names.

    Raises:
        InvalidInputError: ``cache_key`` is no string.
    """
    stated = getattr(scorer, "cache_key", None)
    if stated is not None and not isinstance(stated, str):
        raise InvalidInputError(
            f"the cache_key of {scorer.name!r} must be a string, got {shown(stated)}"
        )
    arguments = _arguments_of(scorer) if stated is None else stated
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
    """Paths, functions, classes and scorers have names that say which they are.

    Of any other object nobody knows whether it is like another one, in this process or the next,
    so it gets a name that no other has: its scores are computed again rather than mixed up.
    """
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, type | FunctionType) and "<" not in value.__qualname__:
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, Scorer):
        return settings_of(value).decode()
    return f"{type(value).__qualname__} {uuid4().hex}"


def keys_of(pairs: Sequence[Pair], settings: bytes) -> list[bytes]:
    """16 bytes for each pair. Lengths go in, so query and text are not glued together."""
    begun: dict[str, blake2b] = {}
    keys = []
    for query, text in pairs:
        if query not in begun:
            first = query.encode("utf-8", "surrogatepass")
            begun[query] = blake2b(
                len(settings).to_bytes(8) + settings + len(first).to_bytes(8) + first,
                digest_size=16,
            )
        key = begun[query].copy()
        key.update(text.encode("utf-8", "surrogatepass"))
        keys.append(key.digest())
    return keys
