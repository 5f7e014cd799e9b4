"""Texts to token ids: each distinct text once, and no further than a model reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from secondpass.core.event import Note

if TYPE_CHECKING:
    import numpy.typing as npt
    from tokenizers import Encoding, Tokenizer

    Ids = npt.NDArray[np.int64]

CHARACTERS_PER_TOKEN, CHARACTERS_AT_LEAST = 64, 32_768
"""A text is cut to this many characters before it is tokenised, so that a book does not cost a
book's time. Real text has three to six characters per token."""
CHARACTERS_AT_ONCE = 400_000
"""Texts tokenised in one call: bounds the memory of their encodings."""


@dataclass(frozen=True, slots=True)
class TextIds:
    """One text as token ids, special tokens apart.

    Attributes:
        ids: The first of them, as many as any input can hold, shape (length,).
        length: How many there were before that.
        longer: Whether even that was counted on a prefix of the text.
    """

    ids: Ids
    length: int
    longer: bool

    def cut_to(self, room: int) -> Note:
        """The note on a passage of which only `room` ids are read; empty if that is all of it."""
        kept = min(room, len(self.ids))
        note: Note = {}
        if self.length > kept or self.longer:
            note = {"cut_tokens": self.length - kept, "read_tokens": kept}
        if self.longer:
            note["cut_is_a_lower_bound"] = True
        return note

    def cut_query_to(self, room: int) -> Note:
        """The note on a query of which only `room` ids are read; empty if that is all of it."""
        return {"cut_query_tokens": self.length - room} if self.length > room else {}


def tokenize(tokenizer: Tokenizer, texts: Sequence[str], max_length: int) -> dict[str, TextIds]:
    """Each distinct text with its ids, on every processor (which tokenizers does by itself)."""
    limit = max(max_length * CHARACTERS_PER_TOKEN, CHARACTERS_AT_LEAST)
    tokenized: dict[str, TextIds] = {}
    for part in by_characters(list(dict.fromkeys(texts)), limit):
        encodings = encode(tokenizer, [text[:limit] for text in part])
        for text, encoding in zip(part, encodings, strict=True):
            ids = np.array(encoding.ids, dtype=np.int64)
            tokenized[text] = TextIds(ids[:max_length], len(ids), len(text) > limit)
    return tokenized


def encode(tokenizer: Tokenizer, texts: list[str], *, offsets: bool = False) -> list[Encoding]:
    """Tokens of each text, without special ones; with `offsets`, also their places in it."""
    # a lone surrogate is legal in a Python string and not in UTF-8, which the tokeniser needs
    clean = [t.encode("utf-8", "replace").decode("utf-8") for t in texts]
    if offsets:
        return tokenizer.encode_batch(clean, add_special_tokens=False)
    return tokenizer.encode_batch_fast(clean, add_special_tokens=False)


def by_characters(texts: Sequence[str], limit: int) -> Iterator[list[str]]:
    """The texts in parts of about `CHARACTERS_AT_ONCE`, each counted up to `limit`."""
    part: list[str] = []
    size = 0
    for text in texts:
        part.append(text)
        size += min(len(text), limit)
        if size >= CHARACTERS_AT_ONCE:
            yield part
            part, size = [], 0
    if part:
        yield part
