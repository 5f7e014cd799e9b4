"""Pairs as the segments that a late-interaction model reads, each distinct one once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from secondpass.core.errors import ModelError
from secondpass.core.event import Note
from secondpass.models.encoding.tokenize import TextIds, tokenize
from secondpass.models.onnx.passage_cache import StoredVectors
from secondpass.stages.score import Pair

if TYPE_CHECKING:
    import numpy.typing as npt
    from tokenizers import Tokenizer

    Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Segments:
    """Pairs, and the token ids of each distinct query and text in them."""

    pairs: Sequence[Pair]
    queries: Mapping[str, TextIds]
    texts: Mapping[str, TextIds]
    stored: StoredVectors
    """Those texts whose vectors were kept, and what was wrong with the file."""

    def places(self) -> dict[str, list[int]]:
        """Where each text stands among the pairs."""
        found: dict[str, list[int]] = {}
        for place, (_, text) in enumerate(self.pairs):
            found.setdefault(text, []).append(place)
        return found

    def fresh(self) -> dict[str, TextIds]:
        """The texts that are to be read."""
        return {text: ids for text, ids in self.texts.items() if text not in self.stored.packed}


class SegmentEncoder:
    """Turns texts into ids with what the tokenizer puts around a lone text ([CLS] text [SEP]).

    Raises:
        ModelError: `max_length` leaves no room for a text.
    """

    def __init__(self, tokenizer: Tokenizer, max_length: int) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        alone = tokenizer.encode("a")  # any word: only what stands around it
        special = np.array(alone.special_tokens_mask)
        ids = np.array(alone.ids, dtype=np.int64)
        first, last = int(np.argmin(special)), len(ids) - int(np.argmin(special[::-1]))
        self.tokenizer, self.before, self.after = tokenizer, ids[:first], ids[last:]
        self.room = max_length - len(self.before) - len(self.after)
        if self.room < 1:
            raise ModelError(f"max_length={max_length} leaves no room for a text")

    def tokenize(self, texts: Sequence[str]) -> dict[str, TextIds]:
        """Each distinct text with its ids."""
        return tokenize(self.tokenizer, texts, self.room)

    def row(self, text: TextIds) -> Ids:
        """What the model reads of it, shape (length,)."""
        return np.concatenate([self.before, text.ids[: self.room], self.after])

    def notes(self, read: Segments) -> list[Note]:
        """What was cut of each pair, whether its text was kept, and why that did not work."""
        notes: list[Note] = []
        stored = read.stored
        for query, text in read.pairs:
            note = read.texts[text].cut_to(self.room)
            if read.queries[query].length > self.room:
                note["cut_query_tokens"] = read.queries[query].length - self.room
            if text in stored.packed:
                note["stored"] = True
            elif stored.failure is not None:
                note["vector_file_failed"] = stored.failure
            if text in stored.damaged:
                note["stored_vector_damaged"] = True
            notes.append(note)
        return notes
