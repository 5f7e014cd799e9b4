"""What tells remembered pairs apart."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from types import FunctionType
from typing import Any
from uuid import uuid4

from secondpass.core.errors import InvalidInputError, shown
from secondpass.stages.score import Pair, Scorer


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
