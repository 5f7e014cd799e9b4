"""The same pair is scored once, however often pipelines ask."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

from secondpass.candidate import Note
from secondpass.errors import InvalidInputError
from secondpass.score import NotedScorer, Pair, Scorer


class Cached:
    """A scorer that remembers. Least recently used pairs go first; safe to share between threads.

    A key is the pair of query and text, by hash: texts are not kept alive. The cache belongs to
    one scorer, so weights are never mixed up.

    Args:
        scorer: What to remember.
        size: How many pairs (about 150 bytes each).
    """

    def __init__(self, scorer: Scorer, size: int = 100_000) -> None:
        if not isinstance(scorer, Scorer):
            raise InvalidInputError(f"Cached remembers scorers, and {scorer!r} has no score(pairs)")
        if size < 1:
            raise InvalidInputError(f"a cache of size {size} remembers nothing; give at least 1")
        self.scorer, self.size = scorer, size
        self.name = scorer.name
        self._known: OrderedDict[bytes, tuple[float, Note]] = OrderedDict()
        self._lock = threading.Lock()

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        """One float per pair; see `Scorer`."""
        return self.score_with_notes(pairs)[0]

    def score_with_notes(self, pairs: Sequence[Pair]) -> tuple[list[float], list[Note]]:
        """One float and one note per pair; a note says ``cached`` where nothing was computed."""
        keys = [_key(pair) for pair in pairs]
        found: dict[bytes, tuple[float, Note]] = {}
        with self._lock:
            for key in keys:
                if key in self._known:
                    self._known.move_to_end(key)
                    score, note = self._known[key]
                    found[key] = score, {**note, "cached": True}
        missing = {key: pair for key, pair in zip(keys, pairs, strict=True) if key not in found}
        if missing:
            new = dict(zip(missing, self._scored(list(missing.values())), strict=True))
            with self._lock:
                self._known.update(new)
                while len(self._known) > self.size:
                    self._known.popitem(last=False)
            found.update(new)
        return [found[key][0] for key in keys], [found[key][1] for key in keys]

    def _scored(self, pairs: Sequence[Pair]) -> list[tuple[float, Note]]:
        if isinstance(self.scorer, NotedScorer):
            scores, notes = self.scorer.score_with_notes(pairs)
            return list(zip(scores, notes, strict=True))
        return [(score, {}) for score in self.scorer.score(pairs)]


def _key(pair: Pair) -> bytes:
    query, text = (part.encode("utf-8", "surrogatepass") for part in pair)
    return blake2b(len(query).to_bytes(8) + query + text, digest_size=16).digest()
