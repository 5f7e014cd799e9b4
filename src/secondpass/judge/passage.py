"""What a judge is shown of a long text: the part with the best evidence, not its beginning."""

from __future__ import annotations

from secondpass.core.candidate import Candidate
from secondpass.core.event import Note
from secondpass.core.tokens import estimated

_SPARE = 0.8
"""Of the limit that is used: the judge's own tokenizer counts otherwise than an estimate."""


def shown_part(candidate: Candidate, limit: int | None) -> tuple[str, Note]:
    """The text, or the part of it around its best evidence that fits into `limit` tokens.

    The part begins and ends between words, and half of what is left around the evidence stands
    before it. Without a limit, without evidence, and where the whole text fits, it is the text.

    Returns:
        The text to show, and a note of what is not shown, with its place, ``shown``.
    """
    text, spans = candidate.text, candidate.evidence
    if limit is None or not spans or (total := estimated(text)) <= limit:
        return text, {}
    length = max(1, int(_SPARE * limit * len(text) / total))
    best = spans[0]
    start = max(0, min(best.start - max(0, length - (best.end - best.start)) // 2, best.start))
    start = max(0, min(start, len(text) - length))
    end = min(len(text), start + length)
    start, end = _between_words(text, start, end)
    part = text[start:end]
    read = estimated(part)
    return part, {
        "shown": [start, end],
        "read_tokens": read,
        "cut_tokens": max(1, total - read),
        "estimated": True,
    }


def _between_words(text: str, start: int, end: int) -> tuple[int, int]:
    """Without the halves of words at both ends, where there is white space inside."""
    space = next((i for i in range(start, end) if text[i].isspace()), end)
    if start and space + 1 < end and not text[start - 1].isspace():
        start = space + 1
    if end < len(text) and not text[end].isspace():
        space = next((i for i in range(end - 1, start, -1) if text[i].isspace()), start)
        end = space if space > start else end
    return start, end
