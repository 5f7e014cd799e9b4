"""Passages are data: whatever in them looks like control of a chat is made plain text.

Nothing here judges what a passage *says*. It takes away what could end the fence around it, speak
as another role, or hide from the reader: tokens of chat templates, tags, bracketed identifiers,
invisible and direction-changing characters. Ordinary text comes out as it went in.
"""

from __future__ import annotations

import re
import unicodedata

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U000e0000-\U000e0fff]"
)
_JOINERS = "\u200c\u200d"
_JOINED = ("Lo", "Lm", "Mn", "Mc", "So", "Sk")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")

_L, _R, _BAR = "[<\uff1c]", "[>\uff1e]", "[|\uff5c]"
_WORDS = (
    r"s|bos|eos|pad|unk|sep|cls|mask|think|thinking|reasoning|answer|system|user|assistant|human"
    r"|tool|tool_call|tool_response|function|start_of_turn|end_of_turn|start_of_image|image|audio"
    r"|passage[\w-]*|query[\w-]*|document[\w-]*|instructions?"
)
_TEMPLATE = re.compile(
    rf"{_L}(?={_BAR})|(?<=\|){_R}|(?<=\uff5c){_R}"  # <|im_start|>, its full-width kin
    rf"|{_L}(?=\s*/?\s*(?:{_WORDS})\b)"  # </s>, <start_of_turn>, </passage ...
    rf"|{_L}(?={_L}\s*/?\s*SYS\s*{_R}{_R})|(?<={_L}){_L}(?=\s*/?\s*SYS\s*{_R}{_R})",
    re.IGNORECASE,
)
_INST = re.compile(
    r"\[(?=\s*/?\s*(?:INST|SYS|SYSTEM|USER|ASSISTANT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS"
    r"|SYSTEM_PROMPT|PREFIX|SUFFIX|MIDDLE|IMG|THINK)\s*\])",
    re.IGNORECASE,
)
_LABEL = re.compile(r"[\[\uff3b\u3010]([ \t]*\w{1,5}[ \t]*)[\]\uff3d\u3011]")
_ROLE = re.compile(
    r"^(?=[ \t#*>]*(?:system|user|assistant|human|developer|tool|instruction|response|input)"
    r"[ \t*]*:)",
    re.IGNORECASE | re.MULTILINE,
)


def sanitise(text: str) -> str:
    """The text without control over the chat that it will be quoted in.

    Idempotent. Most texts come back unchanged; what looked like control stays readable
    (angle brackets of ``<|im_start|>`` become single quotes, ``[3] > [1]`` becomes ``(3) > (1)``).
    """
    if not text.isascii():
        text = _SURROGATE.sub("\ufffd", text)
        text = "".join(c for i, c in enumerate(text) if not _hidden(text, i, c))
    text = _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _TEMPLATE.sub(lambda m: "\u203a" if m[0] in ">\uff1e" else "\u2039", text)
    text = _INST.sub("(", text)
    text = _LABEL.sub(r"(\1)", text)
    return _ROLE.sub("| ", text)


def _hidden(text: str, i: int, c: str) -> bool:
    if c in _JOINERS:  # part of Persian, of Indic scripts and of emoji; elsewhere it only hides
        return not (0 < i < len(text) - 1 and _joins(text[i - 1]) and _joins(text[i + 1]))
    return bool(_INVISIBLE.match(c)) or (c > "\x9f" and unicodedata.category(c) == "Cc")


def _joins(c: str) -> bool:
    """Whether joiners mean something next to it: letters and signs of some scripts, and emoji."""
    return c >= "\u0600" and unicodedata.category(c) in _JOINED and not _INVISIBLE.match(c)
