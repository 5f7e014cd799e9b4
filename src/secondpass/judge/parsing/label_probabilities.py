"""Probabilities of answer labels, from the log-probabilities of a model's tokens.

The probability of each possible word holds more than the word itself: P(yes) / (P(yes) + P(no)),
or the expected grade on a scale (arXiv 2505.19334). Servers differ in how they split words into
tokens, so labels are matched as text: with spaces, brackets and capitals or without, and in pieces.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence

from secondpass.judge.chat.protocol import TokenLogprob

_NOISE = " \t\n\r\u2581\u0120\u010a*_`\"'.,:;!?()[]{}<>|#="
_THOUGHT_ENDS = ("</think>", "</thinking>", "</reasoning>")


def first_of_two(tokens: Sequence[TokenLogprob] | None, labels: tuple[str, str]) -> float | None:
    """P(first label | one of the two); None where neither has a log-probability.

    A label that is not among the likeliest tokens is taken to be as likely as the least likely of
    them, or as the remaining probability if that is less: the most that it can be.
    """
    result = label_masses(tokens, labels)
    if result is None:
        return None
    masses, rest = result
    first, second = (masses.get(label, rest) for label in labels)
    total = first + second
    return first / total if total > 0 else None


def expected_grade(tokens: Sequence[TokenLogprob] | None, grades: Sequence[int]) -> float | None:
    """The mean grade, weighted by probability; None where no grade has a log-probability."""
    result = label_masses(tokens, [str(grade) for grade in grades])
    if result is None:
        return None
    masses, _ = result
    total = sum(masses.values())
    return sum(int(label) * mass for label, mass in masses.items()) / total if total > 0 else None


def label_masses(
    tokens: Sequence[TokenLogprob] | None, labels: Sequence[str]
) -> tuple[Mapping[str, float], float] | None:
    """Probability of each label where the answer is, and the most that any other can have.

    None where there are no log-probabilities, or no label is among them.
    """
    if not tokens:
        return None
    tokens = list(tokens)
    lowered = {label.casefold(): label for label in labels}
    position = _answer_position(tokens, lowered)
    if position is None:
        return None
    written = tokens[position]
    likely = dict(written.top)
    likely.setdefault(written.text, written.logprob)
    masses: dict[str, float] = {}
    for text, logprob in likely.items():
        following = _following(tokens, position) if text == written.text else None
        label = _match(_plain(text), lowered, following)
        if label is not None and logprob <= 1e-6:
            masses[label] = masses.get(label, 0.0) + math.exp(min(logprob, 0.0))
    if sum(masses.values()) < 1e-6:
        return None
    if "10" in lowered and _plain(written.text) == "1" and "10" not in likely:
        _split_ten(masses, tokens[position + 1 : position + 2])
    least = math.exp(min(0.0, *likely.values()))
    left = max(0.0, 1.0 - sum(math.exp(min(p, 0.0)) for p in likely.values()))
    return masses, min(least, left)


def _answer_position(tokens: Sequence[TokenLogprob], lowered: Mapping[str, str]) -> int | None:
    """The position of the first word; or of the last, if only that one is a label."""
    start = _after_thinking(tokens)
    words = [i for i in range(start, len(tokens)) if _plain(tokens[i].text)]
    if not words:
        return None
    for i in (words[0], words[-1]):
        before = "".join(token.text for token in tokens[start:i]) + " "
        if before[-2:-1].isalnum() and tokens[i].text[:1].isalnum():
            continue  # the end of a word or a number that began before it
        if _match(_plain(tokens[i].text), lowered, _following(tokens, i)) is not None:
            return i
    return words[0]


def _after_thinking(tokens: Sequence[TokenLogprob]) -> int:
    """Index of the first token after the last block of thinking."""
    text, start = "", 0
    for i, token in enumerate(tokens):
        text = (text + token.text)[-24:]
        if ">" in token.text and text.rstrip().endswith(_THOUGHT_ENDS):
            start, text = i + 1, ""
    return start


def _match(word: str, lowered: Mapping[str, str], following: str | None) -> str | None:
    """The label that a token is, or begins.

    Args:
        word: The token, in plain lower case.
        following: The text from this token on if the model wrote it, which tells "n", "o" from
            "n", "ever"; None for tokens that were only likely.
    """
    if not word:
        return None
    text = word if following is None else following
    for label in sorted(lowered, key=len, reverse=True):
        if text.startswith(label) and not text[len(label) : len(label) + 1].isalnum():
            return lowered[label]
    if following is not None:
        return None
    completions = [label for label in lowered if label.startswith(word)]
    return lowered[completions[0]] if len(completions) == 1 else None


def _split_ten(masses: dict[str, float], after: Sequence[TokenLogprob]) -> None:
    """For a model that writes 10 as 1, 0: share the mass of 1 by how likely a 0 is to follow."""
    mass = masses.pop("1", 0.0) + masses.pop("10", 0.0)
    ten = 0.0
    for token in after:
        likely = {**dict(token.top), token.text: token.logprob}
        ten = sum(math.exp(min(p, 0.0)) for text, p in likely.items() if _plain(text) == "0")
    masses["10"] = mass * min(1.0, ten)
    masses["1"] = mass - masses["10"]


def _following(tokens: Sequence[TokenLogprob], position: int) -> str:
    return _plain("".join(token.text for token in tokens[position : position + 8]))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip(_NOISE)
