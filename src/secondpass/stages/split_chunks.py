"""A long text in chunks that a model can read whole, cut between sentences and paragraphs."""

from __future__ import annotations

from collections.abc import Sequence

from secondpass.core.tokens import estimated
from secondpass.stages.sentences import CountTokens, Place, cut_sentence, split_sentences

_ROOM = 1.1
"""How many more parts than needed a too long sentence is cut into: tokens are spread unevenly."""


def estimate_tokens(texts: Sequence[str]) -> list[int]:
    """Tokens of each text without a tokenizer, within about a third."""
    return [estimated(text) for text in texts]


def split_chunks(
    text: str,
    tokens: int,
    overlap: int = 0,
    count_tokens: CountTokens = estimate_tokens,
    language: str = "en",
) -> list[Place]:
    """Places of chunks of at most `tokens` tokens, which together are the whole text.

    A text that fits is one chunk, and is not looked at further. A chunk ends with a paragraph if
    one ends in its second half, else with a sentence; a sentence that is longer than a chunk is cut
    at white space. The time is linear in the length of the text.

    Args:
        text: Any.
        tokens: At least 1.
        overlap: A chunk begins with the last sentences of the one before, of at most so many
            tokens; less than half of `tokens`.
        count_tokens: Counts the tokens of texts; an estimate if not given.
        language: See `split_sentences`.
    """
    if len(text) <= tokens or count_tokens([text])[0] <= tokens:
        return [(0, len(text))]
    units = _units(text, tokens, count_tokens, language)
    chunks: list[Place] = []
    first = 0
    while first < len(units):
        size, last, paragraph = 0, first, -1
        while last < len(units) and (last == first or size + units[last][2] <= tokens):
            size += units[last][2]
            if units[last][3] and 2 * size >= tokens:
                paragraph = last
            last += 1
        if last < len(units) and paragraph >= first:
            last = paragraph + 1
        chunks.append((units[first][0], units[last - 1][1]))
        if last == len(units):
            break
        first = _with_overlap(units, first, last, overlap)
    return chunks


Unit = tuple[int, int, int, bool]
"""Start, end, tokens, whether a paragraph ends there."""


def _with_overlap(units: Sequence[Unit], first: int, last: int, overlap: int) -> int:
    """Where the next chunk begins: some units before `last`, and always behind `first`."""
    size = 0
    while last - 1 > first and size + units[last - 1][2] <= overlap:
        last -= 1
        size += units[last][2]
    return last


def _units(text: str, tokens: int, count_tokens: CountTokens, language: str) -> list[Unit]:
    """Sentences, and parts of those that are too long, each with its tokens."""
    sentences = split_sentences(text, language)
    counts = count_tokens([text[s.start : s.end] for s in sentences])
    units: list[Unit] = []
    for sentence, count in zip(sentences, counts, strict=True):
        if count <= tokens:
            units.append((sentence.start, sentence.end, count, sentence.ends_paragraph))
            continue
        parts = _parts(text, (sentence.start, sentence.end), count, tokens, count_tokens)
        units += [(start, end, size, False) for start, end, size in parts[:-1]]
        units.append((*parts[-1], sentence.ends_paragraph))
    return units


def _parts(
    text: str, place: Place, count: int, tokens: int, count_tokens: CountTokens
) -> list[tuple[int, int, int]]:
    """A place in parts of at most `tokens` tokens, each with its tokens, in order."""
    places = cut_sentence(text, *place, int(_ROOM * count / tokens) + 1)
    counts = count_tokens([text[start:end] for start, end in places])
    parts: list[tuple[int, int, int]] = []
    for (start, end), size in zip(places, counts, strict=True):
        if size <= tokens or end - start <= 1 or (start, end) == place:
            parts.append((start, end, size))
        else:
            parts += _parts(text, (start, end), size, tokens, count_tokens)
    return parts
