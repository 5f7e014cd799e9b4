"""Passages in a prompt: fenced by a tag that nobody could guess, under identifiers of one call.

A passage cannot close its fence, because the tag holds a random key that occurs in none of them,
nor name itself or another passage, because identifiers are drawn for each call from those that
occur in none of them. What looks like control is made plain text first, see `sanitise`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from secondpass.core.event import Note
from secondpass.core.tokens import Counter, CutText, cut_to, estimated
from secondpass.judge.chat.sanitise import sanitise

LETTERS = "bcdfghjkmnpqrstvwxz"
"""Of identifiers: no vowels, so that they spell nothing, and no l, which looks like 1."""
DIGITS = "23456789"

_LONG_TOKEN = 100
"""Characters; no text has tokens that are longer on average, but for one of blanks alone."""

_BLOCK = re.compile(r'<(passage|query)-(\w+)(?: id="(\w+)")?>\n(.*?)\n</\1-\2>', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fenced:
    """A query and passages, ready for a prompt.

    Attributes:
        query: Inside its fence.
        passages: All of them, inside their fences, one after the other, in the order given.
        ids: The identifier of each, in that order.
        notes: What was cut of each: {"cut_tokens", "read_tokens"} and "estimated": True where
            tokens were not counted but estimated; {} where nothing was.
        cut_query: Whether the query was cut.
    """

    query: str
    passages: str
    ids: tuple[str, ...]
    notes: tuple[Note, ...]
    cut_query: bool = False


def tag_passages(
    query: str,
    texts: Sequence[str],
    *,
    limit: int = 400,
    query_limit: int = 400,
    letters: bool = False,
    seed: int | None = None,
    count: Counter | None = None,
) -> Fenced:
    """Fence a query and passages.

    Args:
        limit: Longest passage in tokens; the rest is cut.
        query_limit: Longest query in tokens.
        letters: Single capital letters as identifiers, which most models write as one token; at
            most 19 texts.
        seed: The same texts get the same identifiers; drawn anew for each call if None.
        count: Counts tokens; estimated from characters if None.
    """
    asked = _beginning(query, query_limit, count)
    cuts = [_beginning(text, limit, count) for text in texts]
    shown = [c.text.strip() for c in cuts]
    rng = _generator(seed, query, texts)
    everything = "\n".join([asked.text, *shown]).casefold()
    key = _fresh_key(rng, everything)
    ids = _letters(rng, len(shown)) if letters else _fresh_ids(rng, len(shown), everything)
    passages = "\n\n".join(
        f'<passage-{key} id="{i}">\n{text}\n</passage-{key}>'
        for i, text in zip(ids, shown, strict=True)
    )
    guess: Note = {"estimated": True} if count is None else {}
    notes = tuple(
        Note(cut_tokens=c.cut, read_tokens=c.read, **guess) if c.cut else Note() for c in cuts
    )
    query_block = f"<query-{key}>\n{asked.text.strip()}\n</query-{key}>"
    return Fenced(query_block, passages, tuple(ids), notes, asked.cut > 0)


def _beginning(text: str, limit: int, count: Counter | None) -> CutText:
    """What is shown of a text. Only what can be shown is made neutral, however long the rest is."""
    start, rest = text[: _LONG_TOKEN * limit], text[_LONG_TOKEN * limit :]
    shown = cut_to(sanitise(start), limit, count)
    return shown._replace(cut=shown.cut + (count or estimated)(rest)) if rest else shown


def parse_tags(prompt: str) -> tuple[str | None, dict[str, str]]:
    """The query and the passages by identifier, read back out of a prompt as sent."""
    query: str | None = None
    passages: dict[str, str] = {}
    for tag, _, name, text in _BLOCK.findall(prompt):
        if tag == "query" and query is None:
            query = text
        elif tag == "passage" and name:
            passages[name] = text
    return query, passages


def _generator(seed: int | None, query: str, texts: Sequence[str]) -> random.Random:
    if seed is None:
        return random.SystemRandom()
    content = "\x00".join([str(seed), query, *texts]).encode("utf-8", "surrogatepass")
    return random.Random(blake2b(content, digest_size=16).hexdigest())


def _fresh_key(rng: random.Random, everything: str) -> str:
    while True:
        key = f"{rng.getrandbits(32):08x}"
        if key not in everything:
            return key


def _fresh_ids(rng: random.Random, n: int, everything: str) -> list[str]:
    """Short identifiers that occur nowhere in the texts: a letter and a digit, or more of both."""
    pool = [a + d for a in LETTERS for d in DIGITS]
    while True:
        free = [name for name in pool if name not in everything]
        if len(free) >= n:
            return rng.sample(free, n)
        pool = [name + a + d for name in pool[:2000] for a in LETTERS for d in DIGITS]
        pool = rng.sample(pool, min(len(pool), 10 * n + 1000))


def _letters(rng: random.Random, n: int) -> list[str]:
    return rng.sample(LETTERS.upper(), n)
