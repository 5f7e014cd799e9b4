"""One text that may answer a query, and what was said of it."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from secondpass.core.errors import InvalidInputError, shown
from secondpass.core.event import Note

_line = reprlib.Repr()
_line.maxstring, _line.maxother, _line.maxdict = 80, 80, 6


@dataclass(frozen=True, slots=True)
class Mark:
    """What one stage said about one candidate.

    Attributes:
        stage: Name of the stage, with the model's revision where it has one.
        rank: Place of the candidate in that stage's order, 0 is best.
        score: That stage's score; None where it gave an order, or had no opinion.
        note: Tokens cut, cache hit, ...; see `Note`. Empty where there is nothing to report.
    """

    stage: str
    rank: int
    score: float | None
    note: Note = field(default_factory=Note)


@dataclass(frozen=True, slots=True, repr=False)
class Candidate:
    """One text that may answer the query.

    Attributes:
        id: Unique within its ranking.
        text: What models read.
        metadata: What metadata scorers read; models never do.
        score: See `Scale`; None on an order.
        payload: The caller's own object, carried and never read.
        trail: What each stage said, oldest first. `Ranking.of` puts a retriever's score here.
        position: Place in the caller's list, from 0; every stage keeps it. `Ranking.of` sets it,
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
        if not isinstance(self.metadata, Mapping):
            raise InvalidInputError(
                f"the metadata of candidate {self.id!r} must be a dict, got {shown(self.metadata)}"
            )

    def __repr__(self) -> str:
        shown = [f"id={reprlib.repr(self.id)}", f"text={_line.repr(self.text)}"]
        if self.metadata:
            shown.append(f"metadata={_line.repr(dict(self.metadata))}")
        for name in ("score", "position"):
            if (value := getattr(self, name)) is not None:
                shown.append(f"{name}={value!r}")
        return f"Candidate({', '.join(shown)})"
