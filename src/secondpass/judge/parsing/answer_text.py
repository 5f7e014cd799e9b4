"""An answer's text as it is to be read: without its thinking, in plain characters."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 50_000
"""Characters that are read of an answer: its end, where the answer stands."""

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
_COMMA_AT_END = re.compile(r",(?=\s{0,99}[\]}])")


def without_hidden(text: str) -> str:
    """The text without characters that nobody sees: NUL and its like, zero-width blanks."""
    return _HIDDEN.sub("", text)


def strict_json(text: str) -> str:
    """The text without the commas at the end of lists and objects that JSON does not allow."""
    return _COMMA_AT_END.sub("", text)


def answer_of(text: str) -> str:
    """The part of an answer that is the answer.

    Blocks of thinking go, closed or not (an answer cut off while thinking says nothing yet).
    Full-width, circled, super- and subscript characters become plain ones, but for superscripts
    behind an identifier, which are signs of footnotes. Characters that nobody sees go.
    """
    if not isinstance(text, str):
        return ""
    text = without_hidden(text[-LONGEST:])
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
        # where none was opened, the chat's template had opened it
        text = after if after.strip() or opened is None else text[: opened.start()]
    opened = _OPEN.search(text)
    return text[: opened.start()] if opened else text
