"""Long texts are read in chunks, behind all that is short; and how many tokens texts have."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from secondpass.core.deadline import time_left
from secondpass.core.event import Note
from secondpass.core.evidence import Span
from secondpass.models.encoding.tokenize import TextIds, by_characters, encode
from secondpass.models.inference import PAIRS_AT_ONCE
from secondpass.stages.chunks import chunks_note
from secondpass.stages.in_time import Pace, Scored, batch_size, cost_of
from secondpass.stages.score import Pair
from secondpass.stages.sentences import Place, trimmed

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_OF_THE_WHOLE = ("cut_tokens", "read_tokens", "cut_is_a_lower_bound", "stored")
_OF_THE_FILE = ("vector_file_failed", "stored_vector_damaged")


def count_tokens(tokenizer: Tokenizer, texts: Sequence[str]) -> list[int]:
    """Tokens of each text, to its end, without special tokens."""
    counts: list[int] = []
    for part in by_characters(texts, len(max(texts, key=len, default=""))):
        counts += [len(encoding.ids) for encoding in encode(tokenizer, part)]
    return counts


@dataclass(frozen=True, slots=True)
class PartOfPairs:
    """Pairs that are read together.

    Attributes:
        pairs: Queries and texts, or chunks of texts.
        origins: Of each, the index of the pair that it is or that it is a chunk of.
        chunks: Whether they are chunks: those are never split again.
    """

    pairs: Sequence[Pair]
    origins: Sequence[int]
    chunks: bool = False


class PairsToRead:
    """Pairs in parts. Each text is read once: a long one in chunks, when all others are read.

    The first chunks of all long texts come before the second ones. Under a deadline the first ones
    are read in any case, and of the others as many as there is time for.

    Args:
        pairs: Queries and texts.
        split: Places of a long text's chunks; None where nothing is read in chunks.
        at_most: Chunks of a text that are read; None for all.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        split: Callable[[str], list[Place]] | None,
        at_most: int | None = None,
    ) -> None:
        self.pairs, self._split, self._at_most = pairs, split, at_most
        self._long: set[str] = set()
        self._places: dict[str, list[Place]] = {}
        self._chunks: list[tuple[int, Place]] = []

    def __len__(self) -> int:
        """Pairs, and the chunks that are known so far."""
        return len(self.pairs) + len(self._chunks)

    def later(self, texts: Mapping[str, TextIds], room: int, part: PartOfPairs) -> set[str]:
        """Those of a part's texts that have more than `room` tokens, and so are read in chunks."""
        if self._split is None or part.chunks:
            return set()
        found = {text for text, ids in texts.items() if ids.cut_to(room)}
        self._long |= found
        return found

    def parts(self) -> Iterator[PartOfPairs]:
        """Each is made when those before it have been looked at for long texts."""
        for start in range(0, len(self.pairs), PAIRS_AT_ONCE):
            some = self.pairs[start : start + PAIRS_AT_ONCE]
            yield PartOfPairs(some, range(start, start + len(some)))
        if self._split is None or not self._long:
            return
        self._places = {text: self._split(text) for text in self._long}
        columns = [
            [(index, place) for place in self._places[text][: self._at_most]]
            for index, (_, text) in enumerate(self.pairs)
            if text in self._long
        ]
        waiting = [one for row in zip_longest(*columns) for one in row if one is not None]
        pace = Pace()
        while waiting:
            chunks = waiting[:PAIRS_AT_ONCE]
            pairs = [(self.pairs[i][0], self.pairs[i][1][slice(*place)]) for i, place in chunks]
            costs = [cost_of(pair) for pair in pairs]
            count = len(pairs)
            if (left := time_left()) is not None:
                due = len(columns) - len(self._chunks)  # the first of each text
                count = min(due, count) if due > 0 else batch_size(costs, left, pace) if left else 0
            if count == 0:
                return
            self._chunks += chunks[:count]
            del waiting[:count]
            began = time.monotonic()
            yield PartOfPairs(pairs[:count], [index for index, _ in chunks[:count]], chunks=True)
            pace.measured(sum(costs[:count]), time.monotonic() - began)

    def combined(self, scores: Sequence[float], notes: Sequence[Note]) -> Scored:
        """One score and one note of each pair: of a long text the score of its best chunk.

        Args:
            scores: Of the pairs, and behind them of the chunks; those of long texts do not count.
            notes: The same.
        """
        count = len(self.pairs)
        own, said = list(scores[:count]), list(notes[:count])
        read: dict[int, list[tuple[Place, float, Note]]] = {}
        for (index, place), score, note in zip(
            self._chunks, scores[count:], notes[count:], strict=True
        ):
            read.setdefault(index, []).append((place, score, note))
        for index, chunks in read.items():
            own[index] = max(score for _, score, _ in chunks)
            said[index] = self._note(self.pairs[index][1], said[index], chunks)
        return own, said

    def _note(self, text: str, note: Note, read: Sequence[tuple[Place, float, Note]]) -> Note:
        """What is said of a long text of which these chunks were read."""
        chunks = len(self._places[text])
        late = min(chunks, self._at_most or chunks) - len(read)
        said: Note = {k: v for k, v in note.items() if k not in _OF_THE_WHOLE}  # type: ignore[assignment]
        for _, _, of_chunk in read:
            said |= {k: v for k, v in of_chunk.items() if k in _OF_THE_FILE}  # type: ignore[typeddict-item]
        spans = [Span(*trimmed(text, *place), score) for place, score, _ in read]
        said |= chunks_note(spans, chunks - len(read) - late)
        if late:
            said["late_chunks"] = late
        if cut := sum(of_chunk.get("cut_tokens", 0) for _, _, of_chunk in read):
            said["cut_tokens"] = cut
        if all(of_chunk.get("stored", False) for _, _, of_chunk in read):
            said["stored"] = True
        return said
