"""From a recipe's plain values to its stages: all is checked before anything is built."""

from __future__ import annotations

import difflib
import inspect
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import UnionType
from typing import Any, Union, get_args, get_origin

from secondpass.core.errors import RecipeError
from secondpass.core.recipe.bounds import Bounds, bounds_of
from secondpass.core.recipe.checks import (
    DEEPEST,
    check_items,
    check_plain,
    check_text,
    expected,
    plain_fits,
    read_time,
    shown,
)
from secondpass.core.recipe.parts import Part
from secondpass.core.recipe.schema import (
    FORMER_NAMES,
    REFUSED,
    REMOVED,
    WEIGHTS,
    Schema,
    class_names,
    schema_of,
)

MOST_MODELS = 64
"""Parts with weights, each of which takes memory of its own."""
_NAME = Bounds(length=1_000, lines=True)


@dataclass(slots=True)
class Plan:
    """Reads a recipe and builds nothing.

    Attributes:
        classes: The user's own, by name; their arguments are theirs to check.
        options: What the user gives in code, by an argument's name or by its path.
        used: Those options that a part takes.
    """

    classes: Mapping[str, type] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    _models: int = 0

    def part(self, data: Any, path: str, depth: int = 0) -> Part:
        """What an object of a recipe names.

        Raises:
            RecipeError: It is none, or an argument is unknown, refused or out of bounds.
            MissingExtraError: A class needs a package that is not installed.
        """
        if not isinstance(data, Mapping) or "type" not in data:
            raise RecipeError(f"{path}: {shown(data)} is neither a stage nor a part of one")
        kind = data["type"]
        schema = self._schema(kind, path)
        if kind in WEIGHTS:
            self._models += 1
            if self._models > MOST_MODELS:
                raise RecipeError(f"{path}: a recipe has {MOST_MODELS} models at most")
        arguments: dict[str, Any] = {}
        own_name = "name" not in schema.types
        for argument, value in data.items():
            inner = f"{path}.{argument if isinstance(argument, str) else shown(argument)}"
            argument = _current_name(kind, argument, arguments, inner)  # noqa: PLW2901
            if argument == "type" or (argument == "name" and own_name):
                continue
            if argument in schema.types:
                hint, bounds = schema.types[argument], bounds_of(kind, argument)
                hint = Sequence[hint] if argument == schema.several else hint  # type: ignore[valid-type]
                arguments[argument] = self._value(value, hint, bounds, inner, depth + 1)
            elif argument in schema.refused:
                _check_refused(value, schema.refused[argument], argument, inner)
            else:
                _check_removed(value, kind, argument, schema, path)
        for argument in schema.refused:
            for option in (f"{path}.{argument}", argument):
                if option in self.options:
                    arguments[argument] = self.options[option]
                    self.used.add(option)
                    break
        name = data.get("name") if own_name else None
        if name is not None:
            check_plain(name, (str,), Bounds(), f"{path}.name")
        return Part(kind, schema.make, arguments, schema.several, path, name)

    def _schema(self, kind: Any, path: str) -> Schema:
        if isinstance(kind, str) and kind in self.classes:
            return _schema_of_user_class(self.classes[kind])
        if isinstance(kind, str) and kind in REMOVED:
            raise RecipeError(f"{path}: {REMOVED[kind]}")
        schema = schema_of(kind) if isinstance(kind, str) else None
        if schema is None:
            named = shown(kind)
            near = difflib.get_close_matches(named.strip("'"), class_names(), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise RecipeError(
                f"{path}: this recipe names {named}, which secondpass does not have{hint}; if it "
                f"is yours, pass it: recipe.stage(classes=[{kind if len(named) < 80 else '...'}])"
            )
        return schema

    def _value(self, data: Any, hint: Any, bounds: Bounds, path: str, depth: int) -> Any:
        if depth > DEEPEST:
            raise RecipeError(f"{path[:200]}...: nested deeper than {DEEPEST} levels")
        if hint is Any:
            return self._any(data, bounds, path, depth)
        union = get_origin(hint) in (Union, UnionType)
        types = get_args(hint) if union else (hint,)
        if data is None and type(None) in types:
            return None
        types = tuple(t for t in types if t is not type(None) and get_origin(t) is not os.PathLike)
        if isinstance(data, list | tuple):
            for kind in types:
                if get_origin(kind) in (tuple, Sequence):
                    return self._list(data, kind, bounds, path, depth)
        elif isinstance(data, Mapping):
            for kind in types:
                if get_origin(kind) is Mapping:
                    return self._fields(data, get_args(kind)[1], bounds, path, depth)
            classes = tuple(t for t in types if _is_part(t))
            if classes:
                return self._object(data, classes, path, depth)
        elif not any(_is_part(t) or get_origin(t) in (tuple, Sequence, Mapping) for t in types):
            check_plain(data, types, bounds, path)
            return data
        raise RecipeError(f"{path}: {shown(data)} is not {expected(types)}")

    def _object(
        self, data: Mapping[str, Any], types: tuple[Any, ...], path: str, depth: int
    ) -> Any:
        if set(types) <= {datetime, timedelta}:
            if data.get("type") not in [kind.__name__ for kind in types]:
                raise RecipeError(f"{path}: {shown(data)} is not {expected(types)}")
            return read_time(data, path)
        return replace(self.part(data, path, depth), types=types)

    def _list(self, data: Sequence[Any], hint: Any, bounds: Bounds, path: str, depth: int) -> Any:
        check_items(len(data), bounds, path)
        each = get_args(hint)[0]
        items = [
            item
            if plain_fits(item, each, bounds)
            else self._value(item, each, bounds, f"{path}[{i}]", depth + 1)
            for i, item in enumerate(data)
        ]
        return tuple(items) if get_origin(hint) is tuple else items

    def _fields(
        self, data: Mapping[Any, Any], hint: Any, bounds: Bounds, path: str, depth: int
    ) -> dict[str, Any]:
        check_items(len(data), bounds, path)
        fields = {}
        for key, value in data.items():
            if not plain_fits(key, str, _NAME):
                check_plain(key, (str,), _NAME, f"{path}: a field's name")
            if plain_fits(value, hint, bounds):
                fields[key] = value
            else:
                fields[key] = self._value(value, hint, bounds, f"{path}.{key[:80]}", depth + 1)
        return fields

    def _any(self, data: Any, bounds: Bounds, path: str, depth: int) -> Any:
        """A value for a class that is the user's own."""
        if isinstance(data, Mapping):
            if data.get("type") in ("datetime", "timedelta"):
                return read_time(data, path)
            if "type" in data:
                return self.part(data, path, depth)
            return self._fields(data, Any, bounds, path, depth)
        if isinstance(data, list | tuple):
            return self._list(data, list[Any], bounds, path, depth)
        if isinstance(data, str):
            check_text(data, Bounds(length=1_000_000, lines=True), path)
        elif data is not None:
            check_plain(data, (bool, int, float), bounds, path)
        return data


def _schema_of_user_class(kind: type) -> Schema:
    parameters = inspect.signature(kind).parameters.values()
    return Schema(
        kind,
        {p.name: Any for p in parameters if p.name not in REFUSED},
        {p.name: p.default for p in parameters if p.name in REFUSED},
        next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None),
    )


def _current_name(kind: Any, argument: Any, before: Mapping[str, Any], path: str) -> Any:
    """An argument's name in this version, from the name in any."""
    name = FORMER_NAMES.get(f"{kind}.{argument}", argument)
    if name in before:
        raise RecipeError(f"{path}: {name} is given twice, under two names")
    return name


def _check_refused(value: Any, default: Any, argument: str, path: str) -> None:
    """Recipes of older versions hold the default."""
    if value is not None and value is not default:
        raise RecipeError(
            f"{path}: no recipe may hold {argument!r}: {REFUSED[argument]}. Take it out of the "
            f"file, and if you want it, give it in code: "
            f"recipe.stage(options={{{argument!r}: ...}})"
        )


def _check_removed(value: Any, kind: str, argument: Any, schema: Schema, place: str) -> None:
    """Recipes of older versions hold null for what is gone."""
    reason = REMOVED.get(f"{kind}.{argument}")
    if reason is None:
        raise RecipeError(f"{place}: {kind} has no argument {_unknown(argument, schema)}")
    if value is not None:
        raise RecipeError(f"{place}.{argument}: {reason}")


def _is_part(kind: Any) -> bool:
    plain = kind in (bool, int, float, str) or get_origin(kind) is not None
    return isinstance(kind, type) and not plain


def _unknown(argument: Any, schema: Schema) -> str:
    near = difflib.get_close_matches(str(argument)[:80], list(schema.types), n=1)
    hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(schema.types) or 'none'}"
    return f"{argument if isinstance(argument, str) else shown(argument)}; {hint}"
