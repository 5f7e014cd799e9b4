"""Test doubles: small, deterministic, and honest about the laws. Import them in your own tests."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from secondpass.stages.score import Pair


def overlap(query: str, text: str) -> float:
    """How many distinct words the two share; case does not matter."""
    return float(len(_words(query) & _words(text)))


class FakeScorer:
    """A `Scorer` from any function of query and text; word overlap if none is given.

    Attributes:
        calls: The pairs of each call, oldest first.
    """

    def __init__(
        self, function: Callable[[str, str], float] = overlap, name: str = "fake-scorer"
    ) -> None:
        self.function, self.name = function, name
        self.calls: list[list[Pair]] = []

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        """What the function says of each pair."""
        self.calls.append(list(pairs))
        return [self.function(query, text) for query, text in pairs]


class FakeComparer:
    """A `Comparer` that prefers the text with the higher value of a function.

    Args:
        bias: Added to P(first is better), as a real model's liking for the first place.
    """

    def __init__(
        self,
        function: Callable[[str, str], float] = overlap,
        name: str = "fake-comparer",
        bias: float = 0.0,
    ) -> None:
        self.function, self.name, self.bias = function, name, bias
        self.calls: list[list[Pair]] = []

    def compare(self, query: str, pairs: Sequence[Pair]) -> list[float]:
        """1 where the first is better, 0 where the second is, 0.5 where they are equal."""
        self.calls.append(list(pairs))
        return [self._one(query, first, second) for first, second in pairs]

    def _one(self, query: str, first: str, second: str) -> float:
        a, b = self.function(query, first), self.function(query, second)
        return min(1.0, max(0.0, (a > b) + 0.5 * (a == b) + self.bias))


class FakeJudge:
    """A `Judge` that orders texts by a function, best first."""

    def __init__(
        self, function: Callable[[str, str], float] = overlap, name: str = "fake-judge"
    ) -> None:
        self.function, self.name = function, name
        self.calls: list[list[str]] = []

    def order(self, query: str, texts: Sequence[str]) -> list[int]:
        """Places of the texts, best first; equal ones keep their order."""
        self.calls.append(list(texts))
        return sorted(range(len(texts)), key=lambda i: -self.function(query, texts[i]))


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))
