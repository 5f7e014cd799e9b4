"""One text that may answer a query, with its trail; candidates from documents; their scores."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Literal

from secondpass.core.errors import InvalidInputError, ScoreError, shown
from secondpass.core.event import Note
from secondpass.core.evidence import Span, evidence_of

_line = reprlib.Repr()
_line.maxstring, _line.maxother, _line.maxdict = 80, 80, 6

Scale = Literal["order", "raw", "probability"]
"""What `Candidate.score` means.

* ``order``: nothing, it is None; the candidates are a permutation and that is all.
* ``raw``: higher is better, comparable inside this one ranking only.
* ``probability``: P(relevant), fitted on judged data, comparable across queries and models.

A number that merely lies in [0, 1] is raw.
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """What one stage made of one candidate.

    Attributes:
        stage: Name of the stage, with the model's revision where it has one.
        rank: Of the candidate in that stage's order, 0 is best.
        score: That stage's score; None where it gave an order, or none for this candidate.
        note: Tokens cut, cache hit, ...; see `Note`. Empty where there is nothing to report.
        scale: What the score means; None where it is not known, as of a retriever's.
    """

    stage: str
    rank: int
    score: float | None
    note: Note = field(default_factory=Note)
    scale: Scale | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class Candidate:
    """One text that may answer the query.

    Attributes:
        id: Unique within its ranking.
        text: What models read.
        metadata: What metadata scorers read; models never do.
        score: See `Scale`; None on an order.
        payload: The caller's own object, carried and never read.
        trail: A mark of each stage, oldest first. `Ranking.of` puts a retriever's score here.
        position: Index in the caller's list, from 0; every stage keeps it. `Ranking.of` sets it,
            and it is None on a candidate that has not been in a list.
    """

    id: str
    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    score: float | None = None
    payload: Any = None
    trail: tuple[Mark, ...] = ()
    position: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.id, str):
            raise InvalidInputError(
                f"a candidate's id must be a string, got {shown(self.id)}; use str(...)"
            )
        if not isinstance(self.text, str):
            raise InvalidInputError(
                f"the text of candidate {self.id!r} must be a string, got {shown(self.text)}; "
                "pass the text itself, and the object it came from as payload="
            )
        if not isinstance(self.metadata, dict | Mapping):  # Mapping alone takes longer
            raise InvalidInputError(
                f"the metadata of candidate {self.id!r} must be a dict, got {shown(self.metadata)}"
            )

    def marked(self, score: float | None, *marks: Mark) -> Candidate:
        """The same candidate with this score, and with the marks at the end of its trail."""
        return self._changed(score, (*self.trail, *marks), self.position)

    def _changed(
        self, score: float | None, trail: tuple[Mark, ...], position: int | None
    ) -> Candidate:
        # dataclasses.replace takes three times as long, and each stage makes every candidate anew
        return Candidate(self.id, self.text, self.metadata, score, self.payload, trail, position)

    @property
    def evidence(self) -> tuple[Span, ...]:
        """The relevant parts of its text, most relevant first: ``text[start:end]``.

        As the last stage that looked for them noted them; empty where none did, or none is there.
        """
        for mark in reversed(self.trail):
            noted = mark.note.get("evidence")
            if noted is not None:
                return evidence_of(noted, len(self.text))
        return ()

    def __repr__(self) -> str:
        fields = [f"id={reprlib.repr(self.id)}", f"text={_line.repr(self.text)}"]
        if self.metadata:
            fields.append(f"metadata={_line.repr(dict(self.metadata))}")
        for name in ("score", "position"):
            if (value := getattr(self, name)) is not None:
                fields.append(f"{name}={value!r}")
        return f"Candidate({', '.join(fields)})"


def candidates_of(docs: Iterable[str | Candidate], source: str) -> tuple[Candidate, ...]:
    """A candidate for each document, which knows its position.

    Args:
        docs: See `Ranking.of`.
        source: The name under which a score that a candidate comes with is kept in its trail.

    Raises:
        InvalidInputError: Not an ordered collection of texts or candidates.
    """
    _check_collection(docs)
    return tuple(_candidate(position, doc, source) for position, doc in enumerate(docs))


def _candidate(position: int, doc: object, source: str) -> Candidate:
    if isinstance(doc, str):
        return Candidate(str(position), doc, position=position)
    if not isinstance(doc, Candidate):
        raise InvalidInputError(
            f"document {position} is {shown(doc)}; pass a string, or "
            "Candidate(id, text, payload=your_object)"
        )
    if doc.score is not None:
        mark = Mark(source, position, float(doc.score))
        return doc._changed(None, (*doc.trail, mark), position)
    return doc if doc.position == position else doc._changed(None, doc.trail, position)


def _check_collection(docs: object) -> None:
    kind, remedy = type(docs).__name__, None
    if docs is None:
        kind, remedy = "None", "pass a list of texts; an empty one is a legal question"
    elif isinstance(docs, str):
        kind, remedy = "one string", "pass a list of texts, such as [text]"
    elif isinstance(docs, bytes | bytearray | memoryview):
        remedy = 'pass a list of texts, such as [data.decode("utf-8")]'
    elif isinstance(docs, Candidate):
        kind, remedy = "one Candidate", "pass a list of them, such as [candidate]"
    elif isinstance(docs, Mapping):
        remedy = (
            "pass list(docs.values()), or keep the keys as ids: "
            "[Candidate(str(key), text) for key, text in docs.items()]"
        )
    elif isinstance(docs, Set):
        remedy = "which has no order, and equal scores keep the order given; pass sorted(docs)"
    elif hasattr(docs, "columns"):  # a table of pandas, polars, pyarrow, ...
        remedy = 'pass the texts of one column, such as docs["text"].tolist()'
    elif not isinstance(docs, Iterable):
        kind, remedy = shown(docs), "pass a list of texts"
    if remedy is not None:
        raise InvalidInputError(f"docs is {kind}: {remedy}")


def check_scores(candidates: Iterable[Candidate], scale: str) -> None:
    """Every candidate has a finite score, on its scale, and none scores more than those above it.

    Raises:
        ScoreError: One does not; names it.
    """
    above = math.inf
    for c in candidates:
        if c.score is None or not math.isfinite(c.score):
            raise ScoreError(f"candidate {c.id!r} has the score {c.score}; it must be finite")
        if c.score > above:
            raise ScoreError(
                f"candidate {c.id!r} scores {c.score}, more than the {above} above it; "
                "the order of a ranking must agree with its scores"
            )
        above = c.score
        if scale == "probability" and not 0 <= c.score <= 1:
            raise ScoreError(f"candidate {c.id!r} has the probability {c.score}")
