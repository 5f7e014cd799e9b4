"""What a model has not read of long texts, in chunks; and how many tokens texts have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from secondpass.core.deadline import time_left
from secondpass.core.event import Note
from secondpass.core.evidence import Span
from secondpass.models.encoding.tokenize import by_characters, encode
from secondpass.stages.chunks import chunks_note
from secondpass.stages.in_time import Pace, Scored, score_in_time
from secondpass.stages.score import Pair
from secondpass.stages.sentences import Place, trimmed

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_CUT = ("cut_tokens", "read_tokens", "cut_is_a_lower_bound")


def count_tokens(tokenizer: Tokenizer, texts: Sequence[str]) -> list[int]:
    """Tokens of each text, to its end, without special tokens."""
    counts: list[int] = []
    for part in by_characters(texts, len(max(texts, key=len, default=""))):
        counts += [len(encoding.ids) for encoding in encode(tokenizer, part)]
    return counts


def read_rest(
    score: Callable[[Sequence[Pair]], Scored],
    split: Callable[[str], list[Place]],
    pairs: Sequence[Pair],
    scores: Sequence[float],
    notes: Sequence[Note],
    *,
    at_most: int | None = None,
) -> Scored:
    """Scores of pairs whose texts were cut become those of their best chunks.

    Under a deadline the first chunks of all texts are read before the second ones, and what was not
    read is noted; where none was, what was read at first stands for the first chunk.

    Args:
        score: Scores of more pairs, with notes.
        split: Places of a text's chunks.
        pairs: Queries and texts.
        scores: Of what was read.
        notes: Say ``cut_tokens`` where a text was cut.
        at_most: Chunks of a text that are read; None for all.
    """
    cut = [index for index, note in enumerate(notes) if "cut_tokens" in note]
    places = {text: split(text) for text in dict.fromkeys(pairs[index][1] for index in cut)}
    columns = [[(index, place) for place in places[pairs[index][1]][:at_most]] for index in cut]
    rest = [one for row in zip_longest(*columns) for one in row if one is not None]
    more = [(pairs[index][0], pairs[index][1][start:end]) for index, (start, end) in rest]
    in_time = time_left() is not None
    found = score_in_time(score, more, Pace())[0] if in_time else score(more)[0] if more else []
    spans: dict[int, list[Span]] = {index: [] for index in cut}
    for (index, place), value in zip(rest, found, strict=True):
        if value is not None:
            spans[index].append(Span(*trimmed(pairs[index][1], *place), value))
    scores, notes = list(scores), list(notes)
    for index in cut:
        if not spans[index]:
            text = pairs[index][1]
            spans[index] = [Span(*trimmed(text, *places[text][0]), scores[index])]
        chunks = len(places[pairs[index][1]])
        scores[index] = max(span.score for span in spans[index])
        late = min(chunks, at_most or chunks) - len(spans[index])
        notes[index] = _note(notes[index], spans[index], chunks, late)
    return scores, notes


def _note(note: Note, read: Sequence[Span], chunks: int, late: int) -> Note:
    """What is said of a text of so many chunks, of which these were read, and some not in time."""
    said: Note = {key: value for key, value in note.items() if key not in _CUT}  # type: ignore[assignment]
    said |= chunks_note(read, chunks - len(read) - late)
    if late:
        said["late_chunks"] = late
    return said
