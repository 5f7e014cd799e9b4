"""Plain values of a recipe against the type and the bounds of the argument that they are for."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, Literal, get_args, get_origin

from secondpass.core.errors import RecipeError
from secondpass.core.recipe.bounds import Bounds

DEEPEST = 50
"""Objects and lists inside each other."""
LONGEST_TIME = 1e11
"""Seconds; about 3,000 years."""

_shortened = reprlib.Repr()
_shortened.maxstring = _shortened.maxother = 80
_shortened.maxlevel = 2


def shown(value: Any) -> str:
    """A value from a recipe, short whatever it is."""
    if isinstance(value, int) and value.bit_length() > 64:
        return f"a whole number of {value.bit_length()} bits"
    return "null" if value is None else _shortened.repr(value)


def check_plain(value: Any, types: tuple[Any, ...], bounds: Bounds, path: str) -> None:
    """Whether a text, number or truth value may stand there.

    Args:
        value: Neither a list nor an object.
        types: What the argument takes: classes and literals.
        bounds: Of the argument.
        path: Where it stands in the recipe, for the message.

    Raises:
        RecipeError: Another type, out of bounds, or not one of the literals.
    """
    literals = [v for kind in types if get_origin(kind) is Literal for v in get_args(kind)]
    if any(type(value) is type(literal) and value == literal for literal in literals):
        return
    if literals:
        raise RecipeError(f"{path}: {shown(value)} is not one of {', '.join(map(repr, literals))}")
    if isinstance(value, bool):
        fits = bool in types
    elif isinstance(value, int):
        fits = int in types or float in types
    else:
        fits = type(value) in (float, str) and type(value) in types
    if not fits:
        raise RecipeError(f"{path}: {shown(value)} is not {expected(types)}")
    if isinstance(value, str):
        check_text(value, bounds, path)
    elif not isinstance(value, bool):
        check_number(value, bounds, path)


def plain_fits(value: Any, kind: Any, bounds: Bounds) -> bool:
    """Whether a value is certainly right, quickly; False says nothing.

    Word statistics and trees have millions of numbers.
    """
    if kind is str:
        return (
            type(value) is str
            and len(value) <= bounds.length
            and value.isprintable()
            and (bounds.form is None)
        )
    right = type(value) is int or (kind is float and type(value) is float)
    return kind in (int, float) and right and bounds.least <= value <= bounds.most


def check_number(value: float, bounds: Bounds, path: str) -> None:
    """Raise `RecipeError` for a number that is not finite or out of bounds."""
    if isinstance(value, float) and not isfinite(value):
        raise RecipeError(f"{path}: {value} is not a finite number")
    if value < bounds.least:
        raise RecipeError(f"{path}: {shown(value)} is less than {_limit(bounds.least)}")
    if value > bounds.most:
        raise RecipeError(f"{path}: {shown(value)} is more than {_limit(bounds.most)}")


def _limit(number: float) -> str:
    return f"{int(number):,}" if abs(number) < 1e15 and number == int(number) else f"{number:g}"


def check_text(value: str, bounds: Bounds, path: str) -> None:
    """Raise `RecipeError` for a text that is too long, has control characters, or another form."""
    if len(value) > bounds.length:
        raise RecipeError(
            f"{path}: a text of {len(value):,} characters is longer than {bounds.length:,}"
        )
    allowed = "\n\r\t" if bounds.lines else ""
    for character in value:
        control = character < " " or "\x7f" <= character < "\xa0"
        if (control and character not in allowed) or "\ud800" <= character <= "\udfff":
            raise RecipeError(f"{path}: {shown(value)} holds the character {character!a}")
    if bounds.form is not None and not bounds.form[0].fullmatch(value):
        raise RecipeError(f"{path}: {shown(value)} is not {bounds.form[1]}")


def check_items(count: int, bounds: Bounds, path: str) -> None:
    """Raise `RecipeError` for a list or an object of too many parts."""
    if count > bounds.items:
        raise RecipeError(f"{path}: {count:,} items are more than {bounds.items:,}")


def read_time(data: Mapping[str, Any], path: str) -> datetime | timedelta:
    """A date or a length of time, as recipes write them.

    Raises:
        RecipeError: Anything but one field of the right form.
    """
    field = {"datetime": "iso", "timedelta": "seconds"}[data["type"]]
    if set(data) != {"type", field}:
        raise RecipeError(f"{path}: a {data['type']} has one field, {field!r}")
    value, path = data[field], f"{path}.{field}"
    if field == "seconds":
        check_plain(value, (float,), Bounds(-LONGEST_TIME, LONGEST_TIME), path)
        return timedelta(seconds=value)
    check_plain(value, (str,), Bounds(length=64), path)
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise RecipeError(f"{path}: {shown(value)} is not a date in ISO form") from None


_TYPE_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    type(None): "null",
}


def expected(types: tuple[Any, ...]) -> str:
    """Types as a message names them."""
    return " or ".join(_TYPE_NAMES.get(kind) or _type_name(kind) for kind in types)


def _type_name(kind: Any) -> str:
    origin = get_origin(kind)
    if origin is Literal:
        return f"one of {', '.join(map(repr, get_args(kind)))}"
    if origin is not None:
        return "an object" if issubclass(origin, Mapping) else "a list"
    return f"a {kind.__name__}"
