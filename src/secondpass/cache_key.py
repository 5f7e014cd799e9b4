"""What tells remembered pairs apart."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from hashlib import blake2b

from secondpass.score import Pair, Scorer

_SAME_SCORES = (
    "on_progress", "token_budget", "threads", "verify", "batch_size", "device", "api_key", "model",
    "folder", "file", "cache_folder",
)  # fmt: skip
"""Arguments of scorers that change speed, or where weights lie, and never a score: the name says
which weights they are."""


def settings_of(scorer: Scorer) -> bytes:
    """What a scorer's numbers depend on beside the pair: its name and its plain arguments.

    The name says which weights; how much of a text is read (``max_length``), it does not. Arguments
    are found as recipes find them: kept as attributes under their own names.
    """
    arguments = {
        name: getattr(scorer, name)
        for name in inspect.signature(type(scorer)).parameters
        if name not in _SAME_SCORES and isinstance(getattr(scorer, name, None), str | int | float)
    }
    return json.dumps([scorer.name, arguments], sort_keys=True).encode()


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
