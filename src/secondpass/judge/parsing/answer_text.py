"""The part of an answer that is to be read: without its thinking, in plain characters; its JSON."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

LONGEST = 50_000
"""Maximum characters of an answer that are read, from its end, where the answer is."""

_TAG = r"(?:think|thinking|thought|thoughts|reasoning|reflection|analysis|scratchpad)"
_OPEN = re.compile(rf"<{_TAG}>", re.IGNORECASE)
_CLOSE = re.compile(rf"</{_TAG}\s{{0,9}}>", re.IGNORECASE)
_CHANNEL = "<|channel|>final<|message|>"  # how some open models mark their answer
_GREATER = str.maketrans(
    dict.fromkeys("\u226b\u227b\u2192\u279c\u279e\u2794\u203a\u00bb\u21d2", ">")
)
_HIDDEN = re.compile("[\x00-\x08\x0e-\x1f\x7f\u00ad\u200b\u2060\ufeff]")
_SUPERSCRIPTS = "\u00b2\u00b3\u00b9\u2070\u2074-\u2079"
_NOTE_SIGN = re.compile(rf"(?:(?<=[^\W{_SUPERSCRIPTS}])|(?<=[\])]))[{_SUPERSCRIPTS}]+")
_TRAILING_COMMA = re.compile(r",(?=\s{0,99}[\]}])")
_OPENING = re.compile(r"[\[{]")
_DECODER = json.JSONDecoder()


def strip_hidden(text: str) -> str:
    """The text without invisible characters: NUL and other controls, zero-width blanks."""
    return _HIDDEN.sub("", text)


def strict_json(text: str) -> str:
    """The text without trailing commas in lists and objects, which JSON does not allow."""
    return _TRAILING_COMMA.sub("", text)


def json_values(text: str) -> Iterator[tuple[Any, int]]:
    """The first JSON lists and objects in a text, and how many characters are outside of each."""
    text, start = strict_json(text), 0
    for _ in range(40):
        opening = _OPENING.search(text, start)
        if opening is None:
            return
        try:
            value, start = _DECODER.raw_decode(text, opening.start())
        except (ValueError, RecursionError):  # a number with too many digits is a ValueError too
            start = opening.end()
            continue
        yield value, len(text) - (start - opening.start())


def extract_answer(text: str) -> str:
    """The part of a text that is the answer.

    Blocks of thinking are removed, closed or not (an answer cut off while thinking is empty), and
    so are invisible characters. Full-width, circled, super- and subscript characters become plain
    ones, except superscripts after an identifier, which are footnote signs and are removed.
    """
    if not isinstance(text, str):
        return ""
    text = strip_hidden(text[-LONGEST:])
    if not text.isascii():
        text = _NOTE_SIGN.sub("", text)
        text = unicodedata.normalize("NFKC", text)[-LONGEST:].translate(_GREATER)
    if _CHANNEL in text:
        text = text.rpartition(_CHANNEL)[2]
    if "<" in text:
        text = _without_thinking(text)
    if "&gt;" in text:
        text = text.replace("&gt;", ">")
    return text.replace("\\succ", ">").strip()


def _without_thinking(text: str) -> str:
    closes = list(_CLOSE.finditer(text))
    if closes:
        after = text[closes[-1].end() :]
        opened = _OPEN.search(text)
        # where none is opened here, the chat's template opened it
        text = after if after.strip() or opened is None else text[: opened.start()]
    opened = _OPEN.search(text)
    return text[: opened.start()] if opened else text
