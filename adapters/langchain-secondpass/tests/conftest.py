"""Documents and models that the tests share. Nothing here loads a model or opens a socket."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from langchain_core.documents import Document

from secondpass import Calibrate, Platt, Score, Stage
from secondpass.testing import FakeScorer

QUERY = "how do I read a file"
TEXTS = [
    "the museum is closed",
    "read a file line by line",
    "a file",
    "how do I read a file at once",
]
"""The words shared with the query are 0, 3, 2 and 6."""


@pytest.fixture
def query() -> str:
    return QUERY


@pytest.fixture
def documents() -> list[Document]:
    """In the retriever's order, worst first and best last."""
    return [
        Document(id=f"doc-{i}", page_content=t, metadata={"source": f"s{i}", "tags": ["a"]})
        for i, t in enumerate(TEXTS)
    ]


@pytest.fixture
def raw() -> Stage:
    """Raw scores: shared words."""
    return Score(FakeScorer())


@pytest.fixture
def probable() -> Callable[..., Stage]:
    """Probabilities: P = 0.5 at 2.5 shared words."""

    def make() -> Stage:
        return Score(FakeScorer()) >> Calibrate(Platt(1.0, -2.5), "fake-scorer")

    return make
