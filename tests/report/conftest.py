"""A small collection whose texts try to break out of the page, and pages made of it."""

from __future__ import annotations

import zlib

import pytest

from secondpass import Candidate, Platt, Ranking, Score, Stage, calibrated
from secondpass.evaluate import Collection, Topic
from secondpass.report import Report, report
from secondpass.testing import FakeScorer

NASTY = "</script><img src=x onerror=alert(1)>\"'&{{ 7 * 7 }}"


def fake(query: str, text: str) -> float:
    """Reads the plant's name, and is wrong now and then."""
    noise = zlib.crc32(text.encode()) % 100 / 60
    return 2.0 * (query.split(maxsplit=1)[0] in text.split()) + noise - 1


@pytest.fixture(scope="session")
def plants() -> Collection:
    """Forty queries of ten texts, two of them relevant; texts long and short, not all judged."""
    topics = []
    for i in range(40):
        word = f"plant{i}"
        docs = [Candidate(f"d{j}", f"something {i} {j} {NASTY}", score=9.0 - j) for j in range(10)]
        for j in (4 + i % 5, i % 10):
            text = f"about {word} number {j} " + "and so on " * (60 if j % 2 else 1)
            docs[j] = Candidate(
                f"d{j}<b>", text if i % 7 else text.replace(word, "it"), score=9.0 - j
            )
        grades = {c.id: 1 + int(i % 2) for c in docs if "<b>" in c.id} | {"d0": 0}
        topics.append(Topic(f"q{i}", Ranking.of(f"{word} {NASTY}", docs), grades))
    return Collection(f"plants {NASTY}", tuple(topics))


@pytest.fixture(scope="session")
def stage(plants: Collection) -> Stage:
    return calibrated(Score(FakeScorer(fake)), plants.judged()[:20], Platt).pipeline


@pytest.fixture(scope="session")
def made(plants: Collection, stage: Stage) -> Report:
    return report(
        plants, {f"mine {NASTY}": stage}, None, ["nDCG@10", "RR@10"],
        depths=(2, 5, 10), command=f"secondpass report {NASTY}",
    )  # fmt: skip


@pytest.fixture(scope="session")
def page(made: Report) -> str:
    return made.html()
