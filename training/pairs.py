"""The training data as it lies on disk: labelled pairs, unlabelled queries and passages.

Groups (articles, documents) are dealt into 16 parts by hash: parts 0 and 1 fit and measure the
calibrator (calibrate_builtin.py), part 2 is for development, the others train.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared/data"
PARTS = 16
FIT, MEASURE, DEVELOP = 0, 1, 2
PEOPLE = (
    "covid-faq covid-qa dolly-openqa expertqa fetaqa medquad nq-clapnq openstax-qa pubmedqa "
    "qamr-wiki skeptics-se squad-sent strategyqa-facts vagov"
)
ASKED = frozenset(PEOPLE.split())
"""Sources whose queries are questions that people asked."""


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled pair; `group` names the article that the positive stands in."""

    query: str
    positive: str
    source: str
    group: str

    @property
    def part(self) -> int:
        return part_of(self.group)


def part_of(group: str) -> int:
    """The part that a group was dealt into, by hash."""
    return int(hashlib.sha256(group.encode()).hexdigest(), 16) % PARTS


def rows(folder: Path) -> list[Row]:
    """All labelled pairs.

    Raises:
        SystemExit: No files, a file without pairs, or a line that is no pair; names it.
    """
    files = sorted(folder.glob("*.jsonl.gz"))
    if not files:
        raise SystemExit(f"{folder} holds no training pairs (*.jsonl.gz)")
    found: list[Row] = []
    for file in files:
        before = len(found)
        for number, row in enumerate(_lines(file), start=1):
            try:
                made = Row(row["query"], row["positive"], row["source"], row["group"])
            except (KeyError, TypeError) as error:
                raise SystemExit(f"{file.name}, line {number}: no pair ({error!r})") from error
            found.append(made)
        if len(found) == before:
            raise SystemExit(f"{file.name} holds no pairs; remove it or fetch it again")
    return found


def unlabelled_passages(folder: Path) -> list[tuple[str, str]]:
    """Text and group of each."""
    return [(r["text"], r["group"]) for r in _lines(folder / "unlabelled-passages.jsonl.gz")]


def unlabelled_queries(folder: Path) -> list[tuple[str, str]]:
    """Source and query of each."""
    path = folder / "unlabelled-queries.tsv.gz"
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            split = (line.rstrip("\n").split("\t", 1) for line in lines)
            return [(s, q) for s, q in split if s != "source"]
    except (OSError, ValueError) as error:
        raise SystemExit(f"cannot read {path}: {error}") from error


def _lines(path: Path) -> list[dict[str, str]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]
    except (OSError, EOFError, ValueError) as error:
        raise SystemExit(f"cannot read {path}: {error}") from error
