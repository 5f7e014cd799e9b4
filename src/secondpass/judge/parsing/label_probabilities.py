"""Probabilities of answer labels, read from the log-probabilities of what a model could have said.

Asking a model for one word and reading how likely each word was says more than the word itself:
P(yes) / (P(yes) + P(no)), or the expected grade on a scale (arXiv 2505.19334). Servers differ in
how they cut words into tokens, so labels are matched as text: with spaces, brackets and capitals
or without, and in pieces.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence

from secondpass.judge.chat.protocol import TokenLogprob

_NOISE = " \t\n\r\u2581\u0120\u010a*_`\"'.,:;!?()[]{}<>|#="
_THOUGHT_ENDS = ("</think>", "</thinking>", "</reasoning>")


def first_of_two(tokens: Sequence[TokenLogprob] | None, labels: tuple[str, str]) -> float | None:
    """P(first label | one of the two), or None where the log-probabilities do not tell.

    A label that is not among the likeliest tokens is taken to be as likely as the least of them,
    or as all that is left over if that is less: the most that it can be.
    """
    found = label_masses(tokens, labels)
    if found is None:
        return None
    masses, rest = found
    first, second = (masses.get(label, rest) for label in labels)
    total = first + second
    return first / total if total > 0 else None


def expected_grade(tokens: Sequence[TokenLogprob] | None, grades: Sequence[int]) -> float | None:
    """The mean grade, each weighed by how likely it was; None where that is not told."""
    found = label_masses(tokens, [str(g) for g in grades])
    if found is None:
        return None
    masses, _ = found
    total = sum(masses.values())
    return sum(int(label) * mass for label, mass in masses.items()) / total if total > 0 else None


def label_masses(
    tokens: Sequence[TokenLogprob] | None, labels: Sequence[str]
) -> tuple[Mapping[str, float], float] | None:
    """Probability of each label where the answer stands, and the most that any other can have.

    None where there are no log-probabilities, or no label is among them.
    """
    if not tokens:
        return None
    tokens = list(tokens)
    lowered = {label.casefold(): label for label in labels}
    at = _answer_place(tokens, lowered)
    if at is None:
        return None
    here = tokens[at]
    likely = dict(here.top)
    likely.setdefault(here.text, here.logprob)
    masses: dict[str, float] = {}
    for text, logprob in likely.items():
        following = _following(tokens, at) if text == here.text else None
        label = _matched(_plain(text), lowered, following)
        if label is not None and logprob <= 1e-6:
            masses[label] = masses.get(label, 0.0) + math.exp(min(logprob, 0.0))
    if sum(masses.values()) < 1e-6:
        return None
    if "10" in lowered and _plain(here.text) == "1" and "10" not in likely:
        _split_ten(masses, tokens[at + 1 : at + 2])
    least = math.exp(min(0.0, *likely.values()))
    left = max(0.0, 1.0 - sum(math.exp(min(p, 0.0)) for p in likely.values()))
    return masses, min(least, left)


def _answer_place(tokens: Sequence[TokenLogprob], lowered: Mapping[str, str]) -> int | None:
    """Where the answer stands: its first word; or its last, if that is a label and this is not."""
    start = _after_thinking(tokens)
    spoken = [i for i in range(start, len(tokens)) if _plain(tokens[i].text)]
    if not spoken:
        return None
    for i in (spoken[0], spoken[-1]):
        before = "".join(token.text for token in tokens[start:i]) + " "
        if before[-2:-1].isalnum() and tokens[i].text[:1].isalnum():
            continue  # the end of a word or a number that began before it
        if _matched(_plain(tokens[i].text), lowered, _following(tokens, i)) is not None:
            return i
    return spoken[0]


def _after_thinking(tokens: Sequence[TokenLogprob]) -> int:
    """Index of the first token after the last block of thinking."""
    text, start = "", 0
    for i, token in enumerate(tokens):
        text = (text + token.text)[-24:]
        if ">" in token.text and text.rstrip().endswith(_THOUGHT_ENDS):
            start, text = i + 1, ""
    return start


def _matched(word: str, lowered: Mapping[str, str], following: str | None) -> str | None:
    """The label that a token is, or begins.

    Args:
        word: The token, in plain lower case.
        following: The text from this token on where it was really written, which tells "n", "o"
            from "n", "ever"; None for tokens that were only likely.
    """
    if not word:
        return None
    read = word if following is None else following
    for label in sorted(lowered, key=len, reverse=True):
        if read.startswith(label) and not read[len(label) : len(label) + 1].isalnum():
            return lowered[label]
    if following is not None:
        return None
    begun = [label for label in lowered if label.startswith(word)]
    return lowered[begun[0]] if len(begun) == 1 else None


def _split_ten(masses: dict[str, float], after: Sequence[TokenLogprob]) -> None:
    """A model that writes 10 as 1, 0: the 1 was as often a 10 as a 0 followed."""
    mass = masses.pop("1", 0.0) + masses.pop("10", 0.0)
    ten = 0.0
    for token in after:
        likely = {**dict(token.top), token.text: token.logprob}
        ten = sum(math.exp(min(p, 0.0)) for text, p in likely.items() if _plain(text) == "0")
    masses["10"] = mass * min(1.0, ten)
    masses["1"] = mass - masses["10"]


def _following(tokens: Sequence[TokenLogprob], at: int) -> str:
    return _plain("".join(token.text for token in tokens[at : at + 8]))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip(_NOISE)
