"""Passages in a prompt: sanitised, in tags that they cannot close, under random identifiers.

A passage cannot close its tag, because the tag holds a random key that occurs in none of them, nor
name itself or another passage, because identifiers are drawn for each call from those that occur in
none of them. `sanitise` first turns whatever could control a chat into plain text.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from secondpass.core.event import Note
from secondpass.core.tokens import Counter, CutText, cut_to, estimated

LETTERS = "bcdfghjkmnpqrstvwxz"
"""For identifiers: no vowels, so that they spell nothing, and no l, which looks like 1."""
DIGITS = "23456789"

_LONG_TOKEN = 100
"""Characters; tokens are never longer on average, except in a text of nothing but blanks."""

_BLOCK = re.compile(r'<(passage|query)-(\w+)(?: id="(\w+)")?>\n(.*?)\n</\1-\2>', re.DOTALL)


@dataclass(frozen=True, slots=True)
class TaggedPassages:
    """A query and passages, ready for a prompt.

    Attributes:
        query: Inside its tag.
        passages: All of them, inside their tags, one after the other, in the order given.
        ids: The identifier of each, in that order.
        notes: What was cut of each: {"cut_tokens", "read_tokens"} and "estimated": True where
            tokens were not counted but estimated; {} where nothing was cut.
        cut_query: Whether the query was cut.
    """

    query: str
    passages: str
    ids: tuple[str, ...]
    notes: tuple[Note, ...]
    cut_query: bool = False


def tag_passages(
    query: str,
    texts: Sequence[str],
    *,
    limit: int = 400,
    query_limit: int = 400,
    letters: bool = False,
    seed: int | None = None,
    count: Counter | None = None,
) -> TaggedPassages:
    """Put a query and passages into tags.

    Args:
        limit: Longest passage in tokens; the rest is cut.
        query_limit: Longest query in tokens.
        letters: Whether to use single capital letters as identifiers, which most models write as
            one token; for at most 19 texts.
        seed: With it, the same texts get the same identifiers; new ones for each call if None.
        count: Counts tokens; estimated from characters if None.
    """
    shown_query = _beginning(query, query_limit, count)
    cuts = [_beginning(text, limit, count) for text in texts]
    shown = [cut.text.strip() for cut in cuts]
    rng = _generator(seed, query, texts)
    everything = "\n".join([shown_query.text, *shown]).casefold()
    key = _fresh_key(rng, everything)
    ids = _letters(rng, len(shown)) if letters else _fresh_ids(rng, len(shown), everything)
    passages = "\n\n".join(
        f'<passage-{key} id="{i}">\n{text}\n</passage-{key}>'
        for i, text in zip(ids, shown, strict=True)
    )
    estimate: Note = {"estimated": True} if count is None else {}
    notes = tuple(
        Note(cut_tokens=cut.cut, read_tokens=cut.read, **estimate) if cut.cut else Note()
        for cut in cuts
    )
    query_block = f"<query-{key}>\n{shown_query.text.strip()}\n</query-{key}>"
    return TaggedPassages(
        query=query_block,
        passages=passages,
        ids=tuple(ids),
        notes=notes,
        cut_query=shown_query.cut > 0,
    )


def _beginning(text: str, limit: int, count: Counter | None) -> CutText:
    """What is shown of a text. Only what can be shown is sanitised, however long the rest is."""
    start, rest = text[: _LONG_TOKEN * limit], text[_LONG_TOKEN * limit :]
    shown = cut_to(sanitise(start), limit, count)
    return shown._replace(cut=shown.cut + (count or estimated)(rest)) if rest else shown


def parse_tags(prompt: str) -> tuple[str | None, dict[str, str]]:
    """The query and the passages by identifier, read back from a prompt as sent."""
    query: str | None = None
    passages: dict[str, str] = {}
    for tag, _, name, text in _BLOCK.findall(prompt):
        if tag == "query" and query is None:
            query = text
        elif tag == "passage" and name:
            passages[name] = text
    return query, passages


def _generator(seed: int | None, query: str, texts: Sequence[str]) -> random.Random:
    if seed is None:
        return random.SystemRandom()
    content = "\x00".join([str(seed), query, *texts]).encode("utf-8", "surrogatepass")
    return random.Random(blake2b(content, digest_size=16).hexdigest())


def _fresh_key(rng: random.Random, everything: str) -> str:
    while True:
        key = f"{rng.getrandbits(32):08x}"
        if key not in everything:
            return key


def _fresh_ids(rng: random.Random, n: int, everything: str) -> list[str]:
    """Short identifiers that occur nowhere in the texts: a letter and a digit, or more of both."""
    pool = [a + d for a in LETTERS for d in DIGITS]
    while True:
        free = [name for name in pool if name not in everything]
        if len(free) >= n:
            return rng.sample(free, n)
        pool = [name + a + d for name in pool[:2000] for a in LETTERS for d in DIGITS]
        pool = rng.sample(pool, min(len(pool), 10 * n + 1000))


def _letters(rng: random.Random, n: int) -> list[str]:
    return rng.sample(LETTERS.upper(), n)


_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U000e0000-\U000e0fff]"
)
_JOINERS = "\u200c\u200d"
_TAKING_JOINERS = ("Lo", "Lm", "Mn", "Mc", "So", "Sk")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")

_L, _R, _BAR = "[<\uff1c]", "[>\uff1e]", "[|\uff5c]"
_WORDS = (
    r"s|bos|eos|pad|unk|sep|cls|mask|think|thinking|reasoning|answer|system|user|assistant|human"
    r"|tool|tool_call|tool_response|function|start_of_turn|end_of_turn|start_of_image|image|audio"
    r"|passage[\w-]*|query[\w-]*|document[\w-]*|instructions?"
)
_TEMPLATE = re.compile(
    rf"{_L}(?={_BAR})|(?<=\|){_R}|(?<=\uff5c){_R}"  # <|im_start|>, and its full-width form
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
    """The text without anything that could control the chat in which it will be quoted.

    It does not judge what a passage *says*. It takes away what could end the tag around it, speak
    as another role, or hide from a reader: tokens of chat templates, tags, bracketed identifiers,
    invisible and direction-changing characters. Ordinary text is returned unchanged, and the result
    stays readable (angle brackets of ``<|im_start|>`` become single quotes, ``[3] > [1]`` becomes
    ``(3) > (1)``). Idempotent.
    """
    if not text.isascii():
        text = _SURROGATE.sub("\ufffd", text)
        text = "".join(c for i, c in enumerate(text) if not _is_hidden(text, i, c))
    text = _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _TEMPLATE.sub(lambda m: "\u203a" if m[0] in ">\uff1e" else "\u2039", text)
    text = _INST.sub("(", text)
    text = _LABEL.sub(r"(\1)", text)
    return _ROLE.sub("| ", text)


def _is_hidden(text: str, i: int, c: str) -> bool:
    if (
        c in _JOINERS
    ):  # part of Persian, of Indic scripts and of emoji; elsewhere it only hides text
        return not (
            0 < i < len(text) - 1 and _takes_joiner(text[i - 1]) and _takes_joiner(text[i + 1])
        )
    return bool(_INVISIBLE.match(c)) or (c > "\x9f" and unicodedata.category(c) == "Cc")


def _takes_joiner(c: str) -> bool:
    """Whether a joiner next to it has a meaning: letters and signs of some scripts, and emoji."""
    return c >= "\u0600" and unicodedata.category(c) in _TAKING_JOINERS and not _INVISIBLE.match(c)
