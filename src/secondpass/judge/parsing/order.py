"""Reads an order from whatever a model wrote. Never raises, and never invents.

Forms are tried in this sequence: JSON; tags (``<id>b</id>``); the last bracketed chain
(``[b] > [a]``); a list, one identifier per line; a line of nothing but identifiers. Prose is not
read: a number in a sentence is not a rank, and an answer that is all prose has to be repaired.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from secondpass.judge.parsing.answer_text import extract_answer, json_values, strip_hidden

Form = Literal["json", "tags", "chain", "list", "line", "none"]


@dataclass(frozen=True, slots=True)
class ParsedOrder:
    """The order in an answer; perhaps only a part of one.

    Attributes:
        order: Indices of the passages it names, best first, each once. May be partial.
        shown: How many passages were shown, and so should be named.
        duplicates: How often it names a passage again.
        unknown: How many of its names belong to no passage.
        form: How it is written.
    """

    order: tuple[int, ...]
    shown: int
    duplicates: int = 0
    unknown: int = 0
    form: Form = "none"

    @property
    def coverage(self) -> float:
        """Share of the passages that it names, 0 to 1."""
        return len(self.order) / self.shown if self.shown else 1.0

    @property
    def problem(self) -> str:
        """What is wrong, for people and for the model; "" if nothing is."""
        problems = []
        if self.form == "none":
            problems.append("it holds no order")
        elif len(self.order) < self.shown:
            problems.append(f"it names {len(self.order)} of {self.shown} passages")
        if self.duplicates:
            problems.append(f"it names passages again {self.duplicates} times")
        if self.unknown:
            problems.append(f"it names {self.unknown} that do not exist")
        return ", ".join(problems)


def read_order(text: str, ids: Sequence[str]) -> ParsedOrder:
    """Read an order.

    Args:
        text: What the model wrote.
        ids: The identifiers as shown, in the order shown; case does not matter.
    """
    answer = extract_answer(text)
    indices = {name.casefold(): i for i, name in enumerate(ids)}
    for form, runs in _FORMS.items():
        parsed = _choose([_parse(run, indices, form) for run in runs(answer)])
        if parsed is not None:
            return parsed
    return ParsedOrder((), len(ids))


def _parse(names: Iterable[str], indices: dict[str, int], form: Form) -> ParsedOrder:
    order: dict[int, None] = {}
    duplicates = unknown = 0
    for name in names:
        index = indices.get(name.casefold().strip())
        if index is None:
            unknown += 1
        elif index in order:
            duplicates += 1
        else:
            order[index] = None
    return ParsedOrder(
        order=tuple(order), shown=len(indices), duplicates=duplicates, unknown=unknown, form=form
    )


def _choose(orders: Sequence[ParsedOrder]) -> ParsedOrder | None:
    """The last one, unless another names twice as many."""
    orders = [p for p in orders if p.form != "line" or len(p.order) > p.unknown]  # else prose
    most = max((len(p.order) for p in orders), default=0)
    enough = most // 2 + 1
    return next((p for p in reversed(orders) if len(p.order) >= enough), None)


_ORDER_KEYS = ("order", "ranking", "ranked", "ranks", "result", "results", "ids", "identifiers")
_CUT_OFF = re.compile(rf'"(?:{"|".join(_ORDER_KEYS)})"\s*:\s*\[([^\]]*)\Z')
_ATOM = re.compile(r'"\s*([\w#. -]{1,24}?)\s*"|(?<![\w."])(-?\w{1,16})(?![\w."])')
_ID_KEYS = ("id", "identifier", "passage", "passage_id", "index", "doc", "document", "document_id",
            "document_number", "name", "label")  # fmt: skip


def _json_runs(text: str) -> Iterator[list[str]]:
    if "{" not in text and not (text.startswith(("[", "`")) and "," in text):
        return
    for value, outside in json_values(text):
        alone = outside < 20  # no more than a code fence around it
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
    if isinstance(item, int) and abs(item) > 10**9:  # too many digits for an identifier
        return "?"
    return strip_hidden(str(item)).strip(" []\"'#")


_TAG = r"(?:id|identifier|passage|passage_id|document|doc|item|rank|result|name|label)"
_TAGGED = re.compile(
    rf"<{_TAG}>\s{{0,9}}[\[\"']{{0,2}}(-?\w{{1,16}})[\]\"']{{0,2}}\s{{0,9}}</{_TAG}>"
    rf"|<{_TAG}\s{{1,9}}(?:id|name)\s?=\s?[\"'](-?\w{{1,16}})[\"']\s{{0,9}}/?>",
    re.IGNORECASE,
)
_BETWEEN_TAGS = re.compile(r"(?:[\s,;>=|.):*-]|\d{1,3}[.)]|</?\w{1,20}>)*")
_FARTHEST = 60
"""Characters between two identifiers of one list."""


def _tag_runs(text: str) -> Iterator[list[str]]:
    """Lists of tagged identifiers with nothing but tags and marks between them."""
    if "<" not in text:
        return
    run: list[str] = []
    end = 0
    for match in _TAGGED.finditer(text):
        between = text[end : match.start()]
        if run and not (len(between) <= _FARTHEST and _BETWEEN_TAGS.fullmatch(between)):
            yield from [run] if len(run) > 1 else []
            run = []
        run.append(match[1] or match[2])
        end = match.end()
    alone = len(text) < _FARTHEST
    if len(run) > 1 or (run and alone and _BETWEEN_TAGS.fullmatch(_TAGGED.sub("", text))):
        yield run


# Every repetition below is bounded, or takes characters that nothing after it can match: an answer
# may be anything, and reading it must take time in proportion to its length.
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
    for chain in sorted(chains, key=lambda match: match.start()):
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
        match = _LISTED.match(line[:400].replace("*", "").replace("`", ""))
        if not match or (match[2] and not match["marker"] and match["end"] is None):
            continue  # a sentence, even if it begins with a bracket: "[3] is irrelevant"
        if match["marker"] and _FIRST.match(match[0]) and len(run) > 1:
            yield run  # the list begins again
            run = []
        run.append(match[2] or match[4])
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
        names = [name[1] for word in words if (name := _WHOLE.fullmatch(word))]
        if names and len(names) == len(words) and (len(names) > 1 or plain.strip() == text):
            yield names


_FORMS: dict[Form, Callable[[str], Iterator[list[str]]]] = {
    "json": _json_runs,
    "tags": _tag_runs,
    "chain": _chain_runs,
    "list": _list_runs,
    "line": _line_runs,
}
