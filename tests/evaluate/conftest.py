"""Small collections with known answers."""

from __future__ import annotations

import random

import pytest

from secondpass import Candidate, Ranking
from secondpass.evaluate import Collection, Topic


@pytest.fixture
def plants() -> Collection:
    """Twenty queries of one word; the relevant text has it, and stands below the middle."""
    drawn = random.Random(0)
    topics = []
    for i in range(20):
        word = f"plant{i}"
        place = drawn.randrange(4, 8)
        docs = [Candidate(f"d{j}", f"something {j}", score=9.0 - j) for j in range(8)]
        docs[place] = Candidate(f"d{place}", f"about {word}", score=9.0 - place)
        grades = {f"d{place}": 1, "d0": 0}
        topics.append(Topic(str(i), Ranking.of(word, docs), grades))
    return Collection("plants", tuple(topics))
