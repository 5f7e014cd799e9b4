"""Metadata fields as numbers that a model can weigh."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Protocol, runtime_checkable

from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError
from secondpass.core.printing import short_repr
from secondpass.stages.metadata_scorers import as_utc, parse_date

FieldKind = Literal["number", "date", "category"]
Value = float | None
"""None where a candidate does not have the field."""
MOST_VALUES = 10
"""Number of values of a category that have a column; all others count as one."""


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
                f"candidate {candidate.id!r} has {self.field}={value!r}, which is not a finite "
                'number; leave the field out, or learn it as a "category"'
            )
        return [float(value), 0.0]


@dataclass(frozen=True, slots=True)
class DateField:
    """ln(1 + age in days), and whether the date is missing; a future date has the age 0.

    Attributes:
        field: Its value is a date of any form that `Recency` takes.
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
        age = as_utc(self.now or now) - parse_date(value, self.field, candidate.id)
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
    fields: Sequence[str] | Mapping[str, FieldKind],
    candidates: Sequence[Candidate],
    now: datetime | None,
) -> tuple[tuple[Field, ...], list[str]]:
    """Readers for the fields, and notes for the user.

    A field without a stated kind is a number if all its values are, a date if all are dates or ISO
    8601 strings, and else a category.

    Raises:
        InvalidInputError: A field that no candidate has, an unknown kind, or a value of another.
    """
    if isinstance(fields, str):
        raise InvalidInputError(f"fields={fields!r} is one string; give a list, [{fields!r}]")
    readers: list[Field] = []
    notes: list[str] = []
    for name in fields:
        values = [v for c in candidates if (v := c.metadata.get(name)) is not None]
        if not values:
            raise InvalidInputError(
                f"no candidate of the labelled queries has the metadata field {name!r}; check its "
                "name, or leave it out"
            )
        kind = fields[name] if isinstance(fields, Mapping) else _infer_kind(values)
        if kind == "number":
            readers.append(NumberField(name))
        elif kind == "date":
            readers.append(DateField(name, now))
        elif kind == "category":
            plain = [_plain(c.metadata.get(name), name, c.id) for c in candidates]
            counts = Counter(v for v in plain if v is not None)
            frequent = sorted(counts, key=lambda value: (-counts[value], repr(value)))
            readers.append(CategoryField(name, tuple(frequent[:MOST_VALUES])))
            if len(frequent) > MOST_VALUES:
                notes.append(
                    f"{name!r} has {len(frequent)} values; the {MOST_VALUES} most frequent have a "
                    "column each, the others count as one"
                )
        else:
            raise InvalidInputError(
                f'{name!r}: {kind!r} is not one of "number", "date", "category"'
            )
    return tuple(readers), notes


def _infer_kind(values: Sequence[Any]) -> FieldKind:
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return "number"
    return "date" if all(_is_date(v) for v in values) else "category"


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
