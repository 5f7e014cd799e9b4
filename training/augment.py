"""Queries as people type them: without the question mark, as keywords, with a slip."""

from __future__ import annotations

import random

WORDS = (
    "a an the of in on at to for is are was were do does did be been by with and or what which "
    "who how when where why can could should would i you it its"
)
SMALL = frozenset(WORDS.split())
UNMARKED, KEYWORDS, SLIP = 0.3, 0.12, 0.06
"""How often each happens."""


def typed(query: str, g: random.Random) -> str:
    """The query, or a variant of it that means the same."""
    if g.random() < UNMARKED:
        query = query.rstrip("?. ") or query
    if g.random() < KEYWORDS:
        kept = [w for w in query.rstrip("?. ").split() if w.lower() not in SMALL]
        query = " ".join(kept) if len(kept) >= 2 else query
    if g.random() < SLIP and len(query) > 8:
        i = g.randrange(1, len(query) - 2)
        query = query[:i] + query[i + 1] + query[i] + query[i + 2 :]
    return query
