"""An object and the arguments of its constructor: `Part` builds it, `Writer` writes it down."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from secondpass.core.errors import InvalidInputError, RecipeError, SecondPassError
from secondpass.core.recipe.checks import DEEPEST
from secondpass.core.recipe.schema import schema_of
from secondpass.core.stage import Stage

_CONSTRUCTOR_ERRORS = (
    ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError,
)  # fmt: skip
"""What constructors may raise of values that are right each for itself."""
_ABSENT = (
    "api_key", "clock", "disk", "disk_size", "extra", "location", "on_progress", "project",
    "region", "url",
)  # fmt: skip
_EMPTY = {"trust_remote_code": False, "vectors": None}
"""Written as their defaults. The stage does the same without them, or does not load; where a
machine keeps its files, and whom its user trusts, is its own affair."""


@dataclass(frozen=True, slots=True)
class Part:
    """An object that can be built: everything about it is checked but what only its class knows.

    Attributes:
        kind: Name of its class.
        make: The class.
        arguments: Of the constructor, by name; parts among them are built first.
        several: The argument that is passed as ``*args``, if one is.
        path: Where it stands in the recipe, for messages.
        name: The model with its revision that it must have; None for any.
        types: The classes that the argument takes for which it is built; () for any.
    """

    kind: str
    make: Any
    arguments: Mapping[str, Any]
    several: str | None
    path: str
    name: str | None = None
    types: tuple[Any, ...] = ()

    def build(self) -> Any:
        """The object.

        Raises:
            RecipeError: Its class refuses the arguments, it does not fit where it stands, or it
                has other weights than the recipe was made with.
            SecondPassError: What loading a model may raise.
        """
        arguments = {name: _build(value) for name, value in self.arguments.items()}
        several = arguments.pop(self.several, ()) if self.several else ()
        try:
            built = self.make(*several, **arguments)
        except InvalidInputError as error:
            raise RecipeError(f"{self.path}: {error}") from error
        except SecondPassError:
            raise  # its message is complete
        except _CONSTRUCTOR_ERRORS as error:
            raise RecipeError(
                f"{self.path}: cannot build the recipe's {self.kind}: {error}"
            ) from error
        if self.name is not None and getattr(built, "name", None) != self.name:
            raise RecipeError(
                f"{self.path}: this recipe was made with {self.name!r}, and here that is "
                f"{getattr(built, 'name', None)!r}: other weights give other scores. Use the same "
                "weights, or fit the pipeline again"
            )
        if self.types and not isinstance(built, self.types):
            expected = " or ".join(kind.__name__ for kind in self.types)
            raise RecipeError(f"{self.path}: a {self.kind} is not a {expected}")
        return built


def _build(value: Any) -> Any:
    if isinstance(value, Part):
        return value.build()
    if isinstance(value, list | tuple):
        return type(value)(_build(item) for item in value)
    if isinstance(value, dict):
        return {key: _build(item) for key, item in value.items()}
    return value


@dataclass(slots=True)
class Writer:
    """Writes one stage down.

    Attributes:
        kinds: The classes that it is made of, by name.
        omitted: Arguments that it has and that no recipe may hold, by their path.
    """

    kinds: dict[str, type] = field(default_factory=dict)
    omitted: dict[str, Any] = field(default_factory=dict)

    def value(self, value: Any, path: str, depth: int = 0) -> Any:
        """JSON values.

        Raises:
            RecipeError: Something that is not made of constructor arguments.
        """
        if depth > DEEPEST:
            raise RecipeError(f"{path[:200]}...: nested deeper than {DEEPEST} levels")
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, timedelta):
            return {"type": "timedelta", "seconds": value.total_seconds()}
        if isinstance(value, datetime):
            return {"type": "datetime", "iso": value.isoformat()}
        if isinstance(value, list | tuple):
            return [self.value(v, f"{path}[{i}]", depth + 1) for i, v in enumerate(value)]
        if isinstance(value, Mapping):
            return self._fields(value, path, depth)
        return self._object(value, path, depth)

    def _fields(self, value: Mapping[Any, Any], path: str, depth: int) -> dict[str, Any]:
        # a word of the language, where the words of a collection are counted; a text is a class
        if isinstance(value.get("type"), str) or not all(isinstance(key, str) for key in value):
            raise RecipeError(f"{path} holds a mapping that JSON cannot keep: {value!r}")
        return {key: self.value(v, f"{path}.{key[:80]}", depth + 1) for key, v in value.items()}

    def _object(self, value: object, path: str, depth: int) -> dict[str, Any]:
        kind = type(value)
        if callable(value) and not hasattr(value, "name"):
            raise RecipeError(f"{path} holds the function {value!r}, and a recipe holds no code")
        self.kinds[kind.__name__] = kind
        data: dict[str, Any] = {"type": kind.__name__}
        for name, parameter in inspect.signature(kind).parameters.items():
            source = "stages" if kind.__name__ == "Pipeline" else name
            if not hasattr(value, source) and name not in _ABSENT:
                raise RecipeError(
                    f"{path} holds {value!r}, whose argument {name!r} is not kept under its own "
                    "name; a class that recipes can store keeps each constructor argument as an "
                    "attribute"
                )
            argument, inner = getattr(value, source, parameter.default), f"{path}.{name}"
            if name in _ABSENT or name in _EMPTY:
                if argument is not parameter.default and argument != parameter.default:
                    self.omitted[inner] = argument
                if name in _EMPTY:
                    data[name] = _EMPTY[name]
            else:
                data[name] = self.value(argument, inner, depth + 1)
        if hasattr(value, "name") and not isinstance(value, Stage):
            data["name"] = value.name  # the revision of a model's weights
        return data

    def classes_of_others(self) -> dict[str, type]:
        """The classes that are not the library's."""
        return {
            name: kind
            for name, kind in self.kinds.items()
            if (schema := schema_of(name)) is None or schema.make is not kind
        }


def omitted_arguments(stage: Stage) -> dict[str, Any]:
    """Arguments of a stage that its recipe does not hold, by path; for `Recipe.stage(options=)`.

    Raises:
        RecipeError: No recipe can hold the stage.
    """
    writer = Writer()
    writer.value(stage, "pipeline")
    return writer.omitted
