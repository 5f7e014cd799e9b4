"""A world whose true probabilities are known."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from secondpass import JudgedQuery, Score, Stage
from secondpass.testing import FakeScorer

World = Callable[..., list[JudgedQuery]]


@pytest.fixture(scope="session")
def number() -> Stage:
    """Scores a text by the number that it is."""
    return Score(FakeScorer(lambda q, t: float(t), name="number@1"))


@pytest.fixture(scope="session")
def world() -> World:
    """Queries with 20 candidates: a share `rate` is relevant and scores 3 / 1.5 sigmas higher.

    So P(relevant | s) = sigmoid(4 / 3 * s + logit(rate)) where `moved`, which is added to every
    score, is 0.
    """

    def make(n: int, rate: float = 0.3, seed: int = 0, moved: float = 0.0) -> list[JudgedQuery]:
        g = random.Random(seed)
        found = []
        for q in range(n):
            labels = [g.random() < rate for _ in range(20)]
            texts = [repr(moved + g.gauss(1.5 if y else -1.5, 1.5)) for y in labels]
            relevant = [str(i) for i, y in enumerate(labels) if y]
            found.append(JudgedQuery.of(f"q{q}", texts, relevant))
        return found

    return make
