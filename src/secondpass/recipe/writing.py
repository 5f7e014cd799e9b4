"""From a stage to plain values: what its constructor was given, and its parts' constructors."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from secondpass.core.errors import RecipeError
from secondpass.core.stage import Stage
from secondpass.recipe.building import DEEPEST
from secondpass.recipe.schema import schema_of

_ABSENT = ("api_key", "clock", "disk", "disk_size", "extra", "on_progress", "url")
_EMPTY = {"trust_remote_code": False, "vectors": None}
"""Written as their defaults. The stage does the same without them, or does not load; where a
machine keeps its files, and whom its user trusts, is its own affair."""


@dataclass(slots=True)
class Writing:
    """One stage that is written down.

    Attributes:
        kinds: The classes that it is made of, by name.
        left_out: Arguments that were given and that no recipe may hold, by their place.
    """

    kinds: dict[str, type] = field(default_factory=dict)
    left_out: dict[str, Any] = field(default_factory=dict)

    def value(self, value: Any, place: str, depth: int = 0) -> Any:
        """JSON values.

        Raises:
            RecipeError: Something that is not made of constructor arguments.
        """
        if depth > DEEPEST:
            raise RecipeError(f"{place[:200]}...: nested deeper than {DEEPEST} levels")
        if value is None or isinstance(value, bool | int | float | str):
            written: Any = value
        elif isinstance(value, timedelta):
            written = {"type": "timedelta", "seconds": value.total_seconds()}
        elif isinstance(value, datetime):
            written = {"type": "datetime", "iso": value.isoformat()}
        elif isinstance(value, list | tuple):
            written = [self.value(v, f"{place}[{i}]", depth + 1) for i, v in enumerate(value)]
        elif isinstance(value, Mapping):
            written = self._fields(value, place, depth)
        else:
            written = self._object(value, place, depth)
        return written

    def _fields(self, value: Mapping[Any, Any], place: str, depth: int) -> dict[str, Any]:
        # a word of the language, where the words of a collection are counted; a text is a class
        if isinstance(value.get("type"), str) or not all(isinstance(key, str) for key in value):
            raise RecipeError(f"{place} holds a mapping that JSON cannot keep: {value!r}")
        return {key: self.value(v, f"{place}.{key[:80]}", depth + 1) for key, v in value.items()}

    def _object(self, value: object, place: str, depth: int) -> dict[str, Any]:
        kind = type(value)
        if callable(value) and not hasattr(value, "name"):
            raise RecipeError(f"{place} holds the function {value!r}, and a recipe holds no code")
        self.kinds[kind.__name__] = kind
        data: dict[str, Any] = {"type": kind.__name__}
        for name, parameter in inspect.signature(kind).parameters.items():
            source = "stages" if kind.__name__ == "Pipeline" else name
            if not hasattr(value, source) and name not in _ABSENT:
                raise RecipeError(
                    f"{place} holds {value!r}, whose argument {name!r} is not kept under its own "
                    "name; a class that recipes can store keeps each constructor argument as an "
                    "attribute"
                )
            argument, inner = getattr(value, source, parameter.default), f"{place}.{name}"
            if name in _ABSENT or name in _EMPTY:
                if argument is not parameter.default and argument != parameter.default:
                    self.left_out[inner] = argument
                if name in _EMPTY:
                    data[name] = _EMPTY[name]
            else:
                data[name] = self.value(argument, inner, depth + 1)
        if hasattr(value, "name") and not isinstance(value, Stage):
            data["name"] = value.name  # the revision of a model's weights
        return data

    def of_others(self) -> dict[str, type]:
        """The classes that are not the library's."""
        return {
            name: kind
            for name, kind in self.kinds.items()
            if (schema := schema_of(name)) is None or schema.make is not kind
        }


def left_out(stage: Stage) -> dict[str, Any]:
    """Arguments of a stage that its recipe does not hold, by place; for `Recipe.stage(options=)`.

    Raises:
        RecipeError: No recipe can hold the stage.
    """
    writing = Writing()
    writing.value(stage, "pipeline")
    return writing.left_out
