"""Reads short answers from whatever a model wrote: the best one, yes or no, a number.

None means that the answer is unclear; nothing is guessed from numbers or names in prose.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from secondpass.judge.parsing.answer_text import extract_answer, strict_json, strip_hidden
from secondpass.judge.parsing.order import read_order

_OBJECT = re.compile(r"\{[^{}]{0,2000}\}")
_TIE = re.compile(r"\b(tie|tied|equal|equally|both|neither|same)\b", re.IGNORECASE)
_YES_NO = re.compile(r"\b(yes|no|true|false)\b", re.IGNORECASE)
_TAG = re.compile(r"</?(?!(?:yes|no|true|false)>)\w{1,20}>", re.IGNORECASE)
_NOISE = " \t\n\r*_`\"'.,:;!?()[]{}<>|#-=~"
_NAMED_NUMBER = re.compile(
    r"(?:score|rating|relevance|relevancy|grade|answer)\W{0,6}(?:is|of)?\W{0,4}"
    r"(?<![\w.])(-?\d{1,6}(?:\.\d{1,6})?)(?![\w%])",
    re.IGNORECASE,
)
_OUT_OF = re.compile(
    r"(?<![\w.])(-?\d{1,6}(?:\.\d{1,6})?)\s{0,3}(?:/|out of)\s{0,3}(\d{1,6})(?!\w)"
)
_NUMBER = re.compile(r"(?<![\w.])-?\d{1,6}(?:\.\d{1,6})?(?![\w%])")


def read_best(text: str, ids: Sequence[str]) -> int | None:
    """The index of the passage that an answer names as the best; None where it names none.

    Args:
        text: What the model wrote.
        ids: The identifiers as shown, in the order shown; case does not matter.
    """
    answer = extract_answer(text)
    indices = {name.casefold(): i for i, name in enumerate(ids)}
    value = _field(answer, ("best", "answer", "passage", "id", "identifier", "choice"))
    if isinstance(value, str | int) and not isinstance(value, bool):
        return indices.get(strip_hidden(str(value)[:40]).strip(_NOISE).casefold())
    if (chain := read_order(answer, ids)).order and len(ids) > 1 and chain.form != "line":
        return chain.order[0]
    for line in reversed([line for line in answer.splitlines() if line.strip()][-20:]):
        alone = line[-200:].rpartition(":")[2].strip(_NOISE).casefold()
        alone = re.sub(r"^(passage|document|doc|text|identifier|id)\W{1,3}", "", alone)
        if alone in indices:
            return indices[alone]
    bracketed = [m.casefold() for m in re.findall(r"[\[(]\s{0,3}(\w{1,16})\s{0,3}[\])]", answer)]
    named = [name for name in bracketed if name in indices]
    if named:
        return indices[named[-1]]
    words = {w for w in re.findall(r"\w+", answer) if w.casefold() in indices and _is_name(w)}
    return indices[words.pop().casefold()] if len(words) == 1 else None


def read_comparison(text: str, ids: Sequence[str]) -> float | None:
    """1.0 where an answer prefers the first of two, 0.0 the second, 0.5 neither; else None."""
    best = read_best(text, ids)
    if best is not None:
        return 1.0 - best
    return 0.5 if _TIE.search(extract_answer(text)) else None


def read_yes_no(text: str) -> bool | None:
    """Whether an answer says yes; None where it says neither, or both."""
    answer = extract_answer(text)
    value = _field(answer, ("relevant", "answer", "relevance", "yes", "result"))
    if isinstance(value, bool):
        return value
    answer = _TAG.sub(" ", value if isinstance(value, str) else answer)
    words = [w.lower() for w in _YES_NO.findall(answer)]
    if not words:
        return None
    first = _YES_NO.match(answer.strip(_NOISE))
    if first:
        return first[0].lower() in ("yes", "true")
    last_line = answer.strip().rpartition("\n")[2].rpartition(":")[2].strip(_NOISE).lower()
    if last_line in ("yes", "no", "true", "false"):
        return last_line in ("yes", "true")
    meanings = {w in ("yes", "true") for w in words}
    if len(meanings) == 1 and len(answer) < 200 and ("no" not in words or len(words) > 1):
        return meanings.pop()  # "no" in a sentence is mostly a determiner
    return None


def read_number(text: str, low: float, high: float) -> float | None:
    """The one number that an answer gives, from `low` to `high`; None where there is none.

    Fractions ("7/10", converted to the scale) are tried first, then named numbers ("Score: 7"),
    then an answer or a last line with a single number.
    """
    answer = extract_answer(text)
    value = _field(answer, ("score", "rating", "relevance", "grade", "answer", "relevance_score"))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _within(value, low, high)
    if isinstance(value, str):
        answer = value
    plain = answer.replace("*", "").replace("`", "").replace("\u2212", "-")
    fractions = _OUT_OF.findall(plain)
    if fractions:
        top, bottom = float(fractions[-1][0]), float(fractions[-1][1])
        return _within(low + top / bottom * (high - low), low, high) if bottom else None
    named = _NAMED_NUMBER.findall(plain)
    if named:
        return _within(float(named[-1]), low, high)
    numbers = _NUMBER.findall(plain)
    if len(numbers) == 1 and len(plain) < 200:
        return _within(float(numbers[0]), low, high)
    last = plain.strip().rpartition("\n")[2].strip(" .[]()")
    return _within(float(last), low, high) if _NUMBER.fullmatch(last) else None


def _within(value: float, low: float, high: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and low <= number <= high else None


def _is_name(word: str) -> bool:
    """Whether a word can only be an identifier: capitals, or letters with digits."""
    return word.isupper() or (not word.isdigit() and any(c.isdigit() for c in word))


def _field(answer: str, names: Sequence[str]) -> Any:
    """The value under one of `names` in the last JSON object of an answer; else None."""
    if "{" not in answer:
        return None
    for match in reversed(_OBJECT.findall(answer)):
        try:
            value = json.loads(strict_json(match))
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            lowered = {str(k).lower(): v for k, v in value.items()}
            return next((lowered[name] for name in names if name in lowered), None)
    return None
