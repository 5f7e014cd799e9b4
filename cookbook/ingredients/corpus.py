"""The texts: secondpass's own documentation, Python's reference, or a folder of yours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from pydoc_data.topics import topics

CORPUS = Path(__file__).parents[1] / "corpus.jsonl"
"""secondpass's READMEs, documentation pages and docstrings as they were on 2026-11-28, cut into
passages. It is kept as a file so that the labels and every figure stay what they are when the
library is edited; a passage's source is the name that its module had then."""

FEW, MANY = 40, 160
"""Words of a passage: shorter ones are joined with their neighbours, longer ones are split."""

NOT_READ = re.compile(
    r"<!--.*?-->|!\[[^\]]*\]\([^)]*\)|^::: .*$|</?div[^>]*>", re.DOTALL | re.MULTILINE
)
"""Of a page: comments, pictures, and what only the site's builder understands."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A text that can be read by itself.

    Attributes:
        id: Unique in its corpus, the same in every run.
        title: What it is about, in a few words.
        text: Some 40 to 200 words.
        source: The file or module that it is from.
    """

    id: str
    title: str
    text: str
    source: str


def own_documentation() -> list[Passage]:
    """The READMEs, the documentation pages and the docstrings of secondpass, from `CORPUS`."""
    lines = CORPUS.read_text(encoding="utf-8").split("\n")
    return [Passage(**json.loads(line)) for line in lines if line]


def python_reference() -> list[Passage]:
    """Python's language reference, which every Python carries with it."""
    parts = [Part(name, _paragraphs(text), "pydoc_data.topics") for name, text in topics.items()]
    return _numbered(parts)


def folder(path: str | Path) -> list[Passage]:
    """Every .md, .rst and .txt file of a folder.

    Raises:
        FileNotFoundError: No such folder, or no such file in it.
    """
    root = Path(path)
    files = sorted(p for p in root.rglob("*") if p.suffix in (".md", ".rst", ".txt"))
    if not files:
        raise FileNotFoundError(f"{root} is no folder with .md, .rst or .txt files in it")
    named = [(p.relative_to(root).as_posix(), p.read_text("utf-8", "replace")) for p in files]
    return _numbered(part for name, text in named for part in _of_page(name, text, name))


@dataclass(frozen=True, slots=True)
class Part:
    """What stands under one heading, before it is cut into passages."""

    title: str
    paragraphs: list[str]
    source: str


def _of_page(name: str, text: str, about: str) -> list[Part]:
    """One part for each heading. A `#` inside a code block is no heading."""
    heading, lines, coding = "", list[str](), False
    parts: list[Part] = []

    def end() -> None:
        title = f"{about}: {heading}" if heading else about
        parts.append(Part(title, _paragraphs("\n".join(lines)), name))

    for line in text.splitlines():
        coding ^= line.lstrip().startswith("```")
        if line.startswith("#") and not coding:
            end()
            heading, lines = line.strip("# "), []
        else:
            lines.append(line)
    end()
    return parts


def _paragraphs(text: str) -> list[str]:
    """Split at blank lines, but not inside a code block."""
    text = NOT_READ.sub("", text)
    parts = re.split(r"(```.*?```)", text, flags=re.DOTALL)
    split = [[p] if p.startswith("```") else re.split(r"\n\s*\n", p) for p in parts]
    return [p.strip("\n") for group in split for p in group if p.strip()]


def _numbered(parts: Iterable[Part]) -> list[Passage]:
    """Passages of whole paragraphs; a short one goes with what follows it in the same source."""
    made: list[Part] = []
    for part in parts:
        for paragraph in part.paragraphs:
            last = made[-1] if made and made[-1].source == part.source else None
            so_far = _words(last.paragraphs) if last else 0
            one = last is not None and last.title == part.title
            if last and (so_far < FEW or (one and so_far + _words([paragraph]) <= MANY)):
                title = last.title if one else f"{last.title}, {part.title}"
                made[-1] = Part(title, [*last.paragraphs, paragraph], part.source)
            else:
                made.append(Part(part.title, [paragraph], part.source))
    texts = {"\n\n".join(p.paragraphs): p for p in reversed(made)}  # topics share whole sections
    told = [(t, p) for t, p in reversed(texts.items()) if _words([t]) >= FEW // 2]
    return [Passage(f"p{i:04}", p.title, text, p.source) for i, (text, p) in enumerate(told)]


def _words(paragraphs: Iterable[str]) -> int:
    return sum(len(paragraph.split()) for paragraph in paragraphs)
