"""Metadata fields as numbers that a model can weigh."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal, Protocol, runtime_checkable

from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError
from secondpass.core.short_repr import short_repr
from secondpass.stages.metadata_scorers import moment, utc

FieldKind = Literal["number", "date", "category"]
Value = float | None
"""None where a candidate does not have the field."""
MOST_VALUES = 10
"""Values of a category that are told apart; all others count as one."""


@runtime_checkable
class Field(Protocol):
    """Reads one metadata field."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def values(self, candidate: Candidate, now: datetime) -> list[Value]: ...


@dataclass(frozen=True, slots=True)
class NumberField:
    """A number as it is, and whether it is missing."""

    field: str

    @property
    def names(self) -> tuple[str, ...]:
        return self.field, f"{self.field}: missing"

    def values(self, candidate: Candidate, now: datetime) -> list[Value]:
        """The number and 0, or None and 1."""
        value = candidate.metadata.get(self.field)
        if value is None:
            return [None, 1.0]
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            raise InvalidInputError(
                f"candidate {candidate.id!r} has {self.field}={value!r}, which is no finite "
                'number; leave the field out, or learn it as a "category"'
            )
        return [float(value), 0.0]


@dataclass(frozen=True, slots=True)
class DateField:
    """ln(1 + age in days), and whether the date is missing; a date to come has the age 0.

    Attributes:
        field: See `Recency` for what is a date.
        now: Reference time; the moment of the call if None.
    """

    field: str
    now: datetime | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return f"{self.field}: ln age", f"{self.field}: missing"

    def values(self, candidate: Candidate, now: datetime) -> list[Value]:
        """Age and 0, or None and 1."""
        value = candidate.metadata.get(self.field)
        if value is None:
            return [None, 1.0]
        age = utc(self.now or now) - moment(value, self.field, candidate.id)
        return [math.log1p(max(0.0, age.total_seconds() / 86400)), 0.0]


@short_repr
@dataclass(frozen=True, slots=True)
class CategoryField:
    """One number, 1 or 0, for each of the most frequent values; any other value is 0 in all."""

    field: str
    categories: tuple[bool | int | float | str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.field} = {value!r}" for value in self.categories)

    def values(self, candidate: Candidate, now: datetime) -> list[Value]:
        """1 for the candidate's own value."""
        own = _plain(candidate.metadata.get(self.field), self.field, candidate.id)
        return [float(type(v) is type(own) and v == own) for v in self.categories]


def fields_of(
    wanted: Sequence[str] | Mapping[str, FieldKind],
    candidates: Sequence[Candidate],
    now: datetime | None,
) -> tuple[tuple[Field, ...], list[str]]:
    """Readers for the fields, and what a person should know of them.

    A field whose kind is not said is a number where all its values are, a date where all are dates
    or ISO 8601 strings, and else a category.

    Raises:
        InvalidInputError: A field that no candidate has, an unknown kind, or a value that is none.
    """
    if isinstance(wanted, str):
        raise InvalidInputError(f"fields={wanted!r} is one string; give a list, [{wanted!r}]")
    made: list[Field] = []
    notes: list[str] = []
    for name in wanted:
        seen = [v for c in candidates if (v := c.metadata.get(name)) is not None]
        if not seen:
            raise InvalidInputError(
                f"no candidate of the labelled queries has the metadata field {name!r}; check its "
                "name, or leave it out"
            )
        kind = wanted[name] if isinstance(wanted, Mapping) else _kind(seen)
        if kind == "number":
            made.append(NumberField(name))
        elif kind == "date":
            made.append(DateField(name, now))
        elif kind == "category":
            plain = [_plain(c.metadata.get(name), name, c.id) for c in candidates]
            values = Counter(v for v in plain if v is not None)
            best = [v for v, _ in sorted(values.items(), key=lambda one: (-one[1], repr(one[0])))]
            made.append(CategoryField(name, tuple(best[:MOST_VALUES])))
            if len(best) > MOST_VALUES:
                notes.append(
                    f"{name!r} has {len(best)} values; the {MOST_VALUES} most frequent are told "
                    "apart, the others count as one"
                )
        else:
            raise InvalidInputError(f'{name!r}: {kind!r} is none of "number", "date", "category"')
    return tuple(made), notes


def _kind(seen: Sequence[Any]) -> FieldKind:
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in seen):
        return "number"
    return "date" if all(_is_date(v) for v in seen) else "category"


def _is_date(value: Any) -> bool:
    if isinstance(value, str):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return False
        return True
    return isinstance(value, date)


def _plain(value: Any, field: str, id: str) -> bool | int | float | str | None:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise InvalidInputError(
        f"candidate {id!r} has {field}={value!r}; a category is a string, a number or a bool"
    )


def present() -> datetime:
    """This moment."""
    return datetime.now(UTC)
