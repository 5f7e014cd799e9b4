"""Sentences of a text, by their places: what chunks, evidence and pruned texts are made of."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

Place = tuple[int, int]
"""``text[start:end]``, in code points."""
CountTokens = Callable[[Sequence[str]], Sequence[int]]
"""Tokens of each of some texts."""
_JOINER = "\u200d"
_LONGEST = 1_000
"""Characters of what is pointed at, or kept, by itself."""


class Sentence(NamedTuple):
    """A sentence with the white space behind it; those of a text follow each other without gaps.

    Attributes:
        start: Of its first character.
        end: Behind its last one.
        ends_paragraph: Whether a paragraph ends with it.
    """

    start: int
    end: int
    ends_paragraph: bool


def split_sentences(text: str, language: str = "en") -> list[Sentence]:
    """The sentences of a text, by sentencex, which knows the rules of 300 languages.

    A heading, an item of a list and a table are sentences too; code is one up to its next blank
    line.

    Args:
        text: Any, also none. What is nothing but white space is one sentence.
        language: Whose abbreviations do not end a sentence, such as "de". Marks of every script
            end one in any language.
    """
    import sentencex

    # a lone surrogate is legal in a Python string, and one character like what stands for it
    clean = text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() else text
    found: list[Sentence] = []
    for boundary in sentencex.get_sentence_boundaries(language, clean):
        start, end, blank = (
            boundary["start_index"],
            boundary["end_index"],
            not boundary["text"].strip(),
        )
        if blank and found:
            found[-1] = Sentence(found[-1].start, end, True)
        elif found and not text[found[-1].start : found[-1].end].strip():
            found[-1] = Sentence(found[-1].start, end, False)  # white space before the first
        else:
            found.append(Sentence(start, end, False))
    return found


def short_sentences(text: str, language: str = "en") -> list[Sentence]:
    """`split_sentences`, those that are longer than a paragraph in parts: tables, code, lists.

    Nobody is helped by being shown all of a table, or of a text without any end.
    """
    sentences: list[Sentence] = []
    for sentence in split_sentences(text, language):
        start, end, ends_paragraph = sentence
        parts = -(-(end - start) // _LONGEST)
        if parts > 1:
            places = cut_sentence(text, start, end, parts)
            sentences += [Sentence(*place, False) for place in places[:-1]]
            start = places[-1][0]
        sentences.append(Sentence(start, end, ends_paragraph))
    return sentences


def cut_sentence(text: str, start: int, end: int, parts: int) -> list[Place]:
    """``text[start:end]`` in about so many parts of similar length, without gaps.

    It is cut at the end of a line or at white space where there is some nearby, and never between
    a letter and its accents.
    """
    size = max(1, -(-(end - start) // parts))
    places, left = [], start
    while end - left > size:
        right = _cut_before(text, left + size // 2 + 1, min(left + size, end))
        if right <= left:
            right = min(left + size, end)
        places.append((left, right))
        left = right
    places.append((left, end))
    return places


def _cut_before(text: str, low: int, high: int) -> int:
    """A place to cut at in [low, high], as late as possible: a line, a word, any letter."""
    for mark in ("\n", " ", "\t", "\u3000"):
        at = text.rfind(mark, low - 1, high)
        if at >= 0:
            return at + 1
    at = high
    while at > low and at < len(text) and _continues(text, at):
        at -= 1
    return at


def _continues(text: str, at: int) -> bool:
    """Whether the character at that place belongs to the one before it."""
    character = text[at]
    return (
        unicodedata.category(character) in ("Mn", "Me", "Mc")
        or "\ufe00" <= character <= "\ufe0f"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or character == _JOINER
        or text[at - 1] == _JOINER
    )


def trimmed(text: str, start: int, end: int) -> Place:
    """The place without white space at its ends; empty where there is nothing else."""
    part = text[start:end]
    left = len(part) - len(part.lstrip())
    return start + left, max(start + left, end - (len(part) - len(part.rstrip())))
