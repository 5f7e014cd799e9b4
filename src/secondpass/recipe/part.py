"""A part of a recipe that was checked and not yet built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secondpass.core.errors import InvalidInputError, RecipeError, SecondPassError

_ODD = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What constructors may raise of values that are right each for itself."""


@dataclass(frozen=True, slots=True)
class Part:
    """An object that can be built: everything about it is checked but what only its class knows."""

    kind: str
    make: Any
    arguments: Mapping[str, Any]
    several: str | None
    place: str
    name: str | None = None

    def build(self) -> Any:
        """The object.

        Raises:
            RecipeError: Its class refuses the arguments, or it has other weights than the recipe
                was made with.
            SecondPassError: What loading a model may raise.
        """
        arguments = {name: _built(value) for name, value in self.arguments.items()}
        several = arguments.pop(self.several, ()) if self.several else ()
        try:
            made = self.make(*several, **arguments)
        except InvalidInputError as error:
            raise RecipeError(f"{self.place}: {error}") from error
        except SecondPassError:
            raise  # says itself what is wrong
        except _ODD as error:
            raise RecipeError(
                f"{self.place}: cannot build the recipe's {self.kind}: {error}"
            ) from error
        if self.name is not None and getattr(made, "name", None) != self.name:
            raise RecipeError(
                f"{self.place}: this recipe was made with {self.name!r}, and here that is "
                f"{getattr(made, 'name', None)!r}: other weights give other scores. Use the same "
                "weights, or fit the pipeline again"
            )
        return made


@dataclass(frozen=True, slots=True)
class Fitting:
    """A part for an argument that takes only some classes."""

    part: Part
    types: tuple[Any, ...]

    def build(self) -> Any:
        made = self.part.build()
        if not isinstance(made, self.types):
            wanted = " or ".join(kind.__name__ for kind in self.types)
            raise RecipeError(f"{self.part.place}: a {self.part.kind} is no {wanted}")
        return made


def _built(value: Any) -> Any:
    if isinstance(value, Part | Fitting):
        return value.build()
    if isinstance(value, list | tuple):
        return type(value)(_built(item) for item in value)
    if isinstance(value, dict):
        return {key: _built(item) for key, item in value.items()}
    return value
