"""Texts to time a model on: those that ship with the package, or a file of the user's."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from secondpass.core.errors import InvalidInputError
from secondpass.core.jsonl import document, line_name, read_lines
from secondpass.core.ranking import Ranking

SHORT, LONG = 60, 350
"""Words: a passage as search engines cut them, and one that fills 512 tokens."""
_QUERY_WORDS = 6


def builtin_workloads(texts: int = 400) -> dict[str, list[str]]:
    """``short`` and ``long`` texts, the same on every machine and in every version.

    They are pieces of `workload.txt`, technical English (docstrings of this package, once), whose
    words stand in their own order, which is what tokenisers see.
    """
    words = _words()
    chance = random.Random(0)

    def piece(length: int) -> str:
        start = chance.randrange(len(words))
        return " ".join((words[start:] + words)[:length])

    return {
        "short": [piece(SHORT) for _ in range(texts)],
        "long": [piece(LONG) for _ in range(texts)],
    }


def read_texts(path: str | os.PathLike[str]) -> list[str]:
    """One text per line: plain, a JSON string, or a JSON object with a field ``text``.

    Raises:
        InvalidInputError: Unreadable, a line that does not fit, or no text at all.
    """
    texts = [
        document(line.strip(), str(number), line_name(path, number)).text
        for number, line in read_lines(path)
    ]
    if not texts:
        raise InvalidInputError(f"{os.fspath(path)} has no text; write one per line")
    return texts


def new_ranking(texts: Sequence[str], depth: int, turn: int) -> Ranking:
    """`depth` texts and a query of words of one of them, a different query each turn.

    So no cache of pairs is timed. Where there are fewer texts than `depth`, they come again.
    """
    start = turn * 7
    docs = [texts[(start + i) % len(texts)] for i in range(depth)]
    words = texts[start % len(texts)].split()[:_QUERY_WORDS]
    return Ranking.of(" ".join([*words, str(turn)]), docs)


def check_workloads(workloads: Mapping[str, Sequence[str]]) -> None:
    """Raise unless every workload has texts."""
    if not workloads or not all(workloads.values()):
        raise InvalidInputError("there is no text to time the model on")


def _words() -> list[str]:
    return Path(__file__).with_name("workload.txt").read_text(encoding="utf-8").split()
