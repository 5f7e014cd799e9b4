"""An order read out of whatever a model wrote. Never raises, never invents, says what it found.

Read in this turn: JSON; tags (``<id>b</id>``); the last bracketed chain (``[b] > [a]``); a list,
one to a line; a line of nothing but identifiers. Prose is not read: a number in a sentence is no
rank, and an answer that is all prose is an answer to ask for again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from secondpass.judge.parsing.answer_text import answer_of, strict_json, without_hidden
from secondpass.judge.parsing.parsed_order import Form, ParsedOrder
from secondpass.judge.parsing.tagged import tagged_runs


def read_order(text: str, ids: Sequence[str]) -> ParsedOrder:
    """Read an order.

    Args:
        text: What the model wrote.
        ids: The identifiers as shown, in the order shown; case does not matter.
    """
    answer = answer_of(text)
    place = {name.casefold(): i for i, name in enumerate(ids)}
    for form, runs in _FORMS.items():
        found = _chosen([_read(run, place, form) for run in runs(answer)])
        if found is not None:
            return found
    return ParsedOrder((), len(ids))


def _read(names: Iterable[str], place: dict[str, int], form: Form) -> ParsedOrder:
    order: dict[int, None] = {}
    duplicates = unknown = 0
    for name in names:
        i = place.get(name.casefold().strip())
        if i is None:
            unknown += 1
        elif i in order:
            duplicates += 1
        else:
            order[i] = None
    return ParsedOrder(tuple(order), len(place), duplicates, unknown, form)


def _chosen(readings: Sequence[ParsedOrder]) -> ParsedOrder | None:
    """The last one, unless another names twice as many."""
    readings = [r for r in readings if r.form != "line" or len(r.order) > r.unknown]  # else prose
    most = max((len(r.order) for r in readings), default=0)
    enough = most // 2 + 1
    return next((r for r in reversed(readings) if len(r.order) >= enough), None)


_OPENING = re.compile(r"[\[{]")
_DECODER = json.JSONDecoder()
_ORDER_KEYS = ("order", "ranking", "ranked", "ranks", "result", "results", "ids", "identifiers")
_CUT_OFF = re.compile(rf'"(?:{"|".join(_ORDER_KEYS)})"\s*:\s*\[([^\]]*)\Z')
_ATOM = re.compile(r'"\s*([\w#. -]{1,24}?)\s*"|(?<![\w."])(-?\w{1,16})(?![\w."])')
_ID_KEYS = ("id", "identifier", "passage", "passage_id", "index", "doc", "document", "document_id",
            "document_number", "name", "label")  # fmt: skip


def _json_runs(text: str) -> Iterator[list[str]]:
    if "{" not in text and not (text.startswith(("[", "`")) and "," in text):
        return
    text, at = strict_json(text), 0
    for _ in range(40):
        opening = _OPENING.search(text, at)
        if opening is None:
            break
        try:
            value, at = _DECODER.raw_decode(text, opening.start())
        except (ValueError, RecursionError):  # a number too long to be one is a ValueError too
            at = opening.end()
            continue
        alone = len(text) - (at - opening.start()) < 20  # no more than a code fence around it
        if isinstance(value, dict) or (alone and len(value) > 1) or isinstance(value[:1], dict):
            yield from _lists(value)
    if cut := _CUT_OFF.search(text):
        yield [a or b for a, b in _ATOM.findall(cut[1])]


def _lists(value: Any, depth: int = 0) -> Iterator[list[str]]:
    if depth > 4:
        return
    if isinstance(value, dict):
        orders = [value[key] for key in _ORDER_KEYS if key in value]
        for inner in orders or value.values():
            yield from _lists(inner, depth + 1)
    elif isinstance(value, list):
        names = [name for item in value if (name := _name(item)) is not None]
        if names:
            yield names
        else:
            for inner in value[:50]:
                yield from _lists(inner, depth + 1)


def _name(item: Any) -> str | None:
    for _ in range(3):
        if isinstance(item, list) and len(item) == 1:
            item = item[0]
    if isinstance(item, dict):
        item = next((item[key] for key in _ID_KEYS if key in item), None)
    if isinstance(item, bool) or not isinstance(item, str | int):
        return None
    if isinstance(item, int) and abs(item) > 10**9:  # has too many digits to be anybody's
        return "?"
    return without_hidden(str(item)).strip(" []\"'#")


# Every repetition below is bounded, or eats characters that nothing after it can: an answer may be
# anything, and reading it takes time in proportion to its length.
_WORD = r"(?:passage|document|doc|candidate|text|identifier|id)"
_BRACKETED = (
    rf"[*_`]{{0,3}}[\[(]\s{{0,4}}[\"'*#]{{0,4}}(?:{_WORD}\s{{0,3}}[:#]?\s{{0,3}})?-?\w{{1,16}}"
    r"[\"'*]{0,4}\s{0,4}[\])][*_`]{0,3}"
)
_ITEM = re.compile(
    rf"(?:{_WORD}\s{{0,3}}[:#]?\s{{0,3}})?[\"'*#]{{0,4}}(-?\w{{1,16}})[\"'*]{{0,4}}\s{{0,4}}[\])]",
    re.IGNORECASE,
)
_SEPARATOR = r"\d{0,2}\s{0,9}[>=](?:\s{0,9}(?:[>=]|\.\.\.)){0,4}\s{0,9}"
_CHAIN = re.compile(rf"{_BRACKETED}(?:{_SEPARATOR}{_BRACKETED})+", re.IGNORECASE)
_MEMBER = r"[\"']?-?\w{1,16}[\"']?"
_GROUP = re.compile(rf"\[\s{{0,4}}{_MEMBER}(?:\s{{0,9}}[,;>|]\s{{0,9}}{_MEMBER})+\s{{0,4}}\]")
_NAME = re.compile(r"-?\w+")


def _chain_runs(text: str) -> Iterator[list[str]]:
    if "[" not in text and "(" not in text:
        return
    chains = [*_CHAIN.finditer(text), *_GROUP.finditer(text)]
    for chain in sorted(chains, key=lambda found: found.start()):
        yield (_NAME if chain.re is _GROUP else _ITEM).findall(chain[0])


_MARKER = (
    r"(?:(?:(?:rank|place|no)\s?)?[#(]?\d{1,3}(?:st|nd|rd|th)?\s?[.):\]|-]{1,2}(?:\s{1,4}|(?=[\[(]))"
    r"|[-+\u2022|]\s{1,4}|[|])"
)
_NAMED = rf"(?:{_WORD}\s{{0,3}}[:#]?\s{{0,3}}#?)?(-?\w{{1,16}})"
_LISTED = re.compile(
    rf"\s{{0,12}}(?P<marker>{_MARKER}){{0,3}}\s{{0,3}}"
    rf"(?:[\[(]\s?[\"'#]?{_NAMED}[\"']?\s?[\])](?P<end>\s{{0,3}}(?:$|[,:;|.>(\u2013\u2014-]))?"
    rf"|[\"']?{_NAMED}[\"']?(?:\s{{0,3}}(?:$|[,:;|.>(\u2013\u2014])|\s{{1,3}}-\s))",
    re.IGNORECASE,
)
_FIRST = re.compile(r"\D*1\b")


def _list_runs(text: str) -> Iterator[list[str]]:
    run: list[str] = []
    for line in text.splitlines():
        found = _LISTED.match(line[:400].replace("*", "").replace("`", ""))
        if not found or (found[2] and not found["marker"] and found["end"] is None):
            continue  # a sentence, even if it begins with a bracket: "[3] is irrelevant"
        if found["marker"] and _FIRST.match(found[0]) and len(run) > 1:
            yield run  # the list begins again
            run = []
        run.append(found[2] or found[4])
    if len(run) > 1:
        yield run


_BETWEEN = re.compile(r"[\s,;>=|]+|(?<=[\])])(?=[\[(])")
_TITLE = re.compile(r"[^\W\d][^\d,;:>]{0,60}")
_WHOLE = re.compile(
    rf"(?:{_WORD}\s{{0,3}})?[\[(\"']{{0,2}}(-?\w{{1,16}})[\])\"'.]{{0,2}}", re.IGNORECASE
)


def _line_runs(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        plain = line[:4000].replace("*", "").replace("`", "")
        title, colon, rest = plain.rpartition(":")
        if colon and not _TITLE.fullmatch(title):
            continue
        pieces = [p for p in _BETWEEN.split((rest if colon else plain).strip()) if p]
        words = [p for p in pieces if p.casefold() not in ("passage", "document", "doc", "and")]
        found = [name[1] for word in words if (name := _WHOLE.fullmatch(word))]
        if found and len(found) == len(words) and (len(found) > 1 or plain.strip() == text):
            yield found


_FORMS: dict[Form, Callable[[str], Iterator[list[str]]]] = {
    "json": _json_runs,
    "tags": tagged_runs,
    "chain": _chain_runs,
    "list": _list_runs,
    "line": _line_runs,
}
