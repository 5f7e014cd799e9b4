"""How long a text is for a model, and how to cut it to a length."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

Counter = Callable[[str], int]
"""Tokens of a text: ``lambda text: len(tokenizer.encode(text).ids)``."""


_WORD = 25
"""Characters of a long word; what is longer may be cut anywhere."""


class CutText(NamedTuple):
    """A text cut to fit: what is left, its tokens, and how many were cut (0: nothing was)."""

    text: str
    read: int
    cut: int


def estimated(text: str) -> int:
    """Tokens of a text without a tokenizer, within about a third for most models and languages.

    Four letters to a token in ASCII, two in other alphabets, one in Chinese, Japanese, Korean
    and symbols.
    """
    if text.isascii():
        return -(-len(text) // 4)
    quarters = sum(1 if c < "\x80" else 2 if c < "\u2e80" else 4 for c in text)
    return -(-quarters // 4)


def cut_to(text: str, limit: int, count: Counter | None = None) -> CutText:
    """The longest beginning of a text within `limit` tokens, ending between words if it can.

    Args:
        limit: In tokens, at least 1.
        count: A model's own counter; `estimated` if None.
    """
    count = count or estimated
    total = count(text)
    if total <= limit:
        return CutText(text, total, 0)
    low, high = 0, len(text)
    while low < high:  # the longest beginning that fits
        middle = (low + high + 1) // 2
        if count(text[:middle]) <= limit:
            low = middle
        else:
            high = middle - 1
    kept = text[:low]
    space = max(kept.rfind(" "), kept.rfind("\n"))
    if space > 0 and low - space < _WORD and not text[low].isspace():
        kept = kept[:space]  # do not end inside a word
    read = count(kept)
    return CutText(kept, read, max(1, total - read))
