"""Two scorers of a text "a b": its first and its second number, and queries judged by them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from secondpass import Candidate, JudgedQuery, Score, Stage
from secondpass.testing import FakeScorer


def number(place: int, name: str) -> Stage:
    return Score(FakeScorer(lambda q, t: _number(t, place), name=name))


def _number(text: str, place: int) -> float:
    try:
        return float(text.split()[place])
    except (ValueError, IndexError):
        return float(len(text) % 7)


@pytest.fixture(scope="session")
def first() -> Stage:
    return number(0, "first@1")


@pytest.fixture(scope="session")
def second() -> Stage:
    return number(1, "second@1")


@pytest.fixture(scope="session")
def drawn() -> Callable[..., list[JudgedQuery]]:
    """Queries with 20 candidates, relevant with the probability sigmoid(log_odds(a, b, kind))."""

    def make(
        n: int, log_odds: Callable[[float, float, str], float], seed: int = 0
    ) -> list[JudgedQuery]:
        g, found = random.Random(seed), []
        for q in range(n):
            docs, relevant = [], []
            for i in range(20):
                a, b, kind = g.gauss(0, 1), g.gauss(0, 1), g.choice(["doc", "forum"])
                meta = {"kind": kind, "year": 2000 + i, "date": f"2020-01-{i + 1:02}"}
                docs.append(Candidate(str(i), f"{a!r} {b!r}", meta))
                if g.random() < 1 / (1 + math.exp(-log_odds(a, b, kind))):
                    relevant.append(str(i))
            found.append(JudgedQuery.of(f"q{q}", docs, relevant))
        return found

    return make
