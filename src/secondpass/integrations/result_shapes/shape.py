"""What each shape of a result can do, and how texts and ids are found in an item's fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError
from secondpass.core.ranking import Ranking
from secondpass.core.ranking_details import METADATA_KEY, metadata_details

FieldOrFunction = str | Callable[[Any], Any] | None
TEXT_FIELDS = ("text", "document", "content", "page_content", "chunk", "body")
ID_FIELDS = ("id", "_id")
SCORES = ("_score", "score", "_relevance_score", "similarity")
DISTANCES = ("_distance", "distance")


class Shape(Protocol):
    """One database's way to return what it found."""

    def fits(self, result: Any) -> bool:
        """Whether a result has this shape."""
        ...

    def sizes(self, result: Any) -> list[int]:
        """How many items there are for each query."""
        ...

    def lists(
        self, result: Any, text: FieldOrFunction, id: FieldOrFunction
    ) -> list[list[Candidate]]:
        """The candidates of each query."""
        ...

    def rebuilt(self, result: Any, rankings: Sequence[Ranking]) -> Any:
        """The result in the rankings' order, with what `details_at` gives in each item."""
        ...


def text_in(fields: Mapping[str, Any], text: FieldOrFunction, position: int, remedy: str) -> str:
    """The text of an item.

    Args:
        fields: Of the item.
        text: See `candidates_of`.
        position: Of the item, for the error.
        remedy: What to ask the database for.

    Raises:
        InvalidInputError: None is there, or it is no string.
    """
    if callable(text):
        found = text(fields)
    elif text is None:
        found = next((fields[n] for n in TEXT_FIELDS if isinstance(fields.get(n), str)), None)
    else:
        found = value_at(fields, text)
    if isinstance(found, str):
        return found
    looked_for = "its text" if callable(text) else f"a text in {text or ', '.join(TEXT_FIELDS)}"
    names = ", ".join(map(str, fields)) or "none"
    raise InvalidInputError(
        f"item {position} has no {looked_for.removeprefix('a ')} (its fields: {names}); {remedy}"
    )


def id_in(fields: Mapping[str, Any], id: FieldOrFunction, own: Any) -> str:
    """The id of an item; `own` where none is asked for.

    Raises:
        InvalidInputError: The field is not there.
    """
    if id is None:
        return str(own)
    found = id(fields) if callable(id) else value_at(fields, id)
    if found is None:
        raise InvalidInputError(
            f"an item has no id in {id!r}; it has {', '.join(map(str, fields))}"
        )
    return str(found)


def score_in(fields: Mapping[str, Any]) -> float | None:
    """A score among the columns of a row; of a distance, that with its sign turned."""
    for names, sign in ((SCORES, 1.0), (DISTANCES, -1.0)):
        for name in names:
            value = fields.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return sign * value
    return None


def value_at(fields: Mapping[str, Any], path: str) -> Any:
    """The field of that name, or at the end of a dotted path; None if there is none."""
    if path in fields:
        return fields[path]
    value: Any = fields
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def details_at(ranking: Ranking, rank: int, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What is written into an item: under one key, what happened to it."""
    return {METADATA_KEY: metadata_details(ranking, rank, fields)}


def duplicates_named(candidates: Sequence[Candidate]) -> None:
    """Raise for equal ids, in a database's words.

    Raises:
        InvalidInputError: Two items have the same id.
    """
    seen: set[str] = set()
    for candidate in candidates:
        if candidate.id in seen:
            raise InvalidInputError(
                f"two items have the id {candidate.id!r}; pass id= with a field, or a function of "
                "several, that tells them apart"
            )
        seen.add(candidate.id)
