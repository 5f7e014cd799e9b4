"""A public class whose optional dependency is not installed."""

from __future__ import annotations

from typing import Any, NoReturn

from secondpass.core.errors import MissingExtraError


class _MissingExtra(type):
    """Raises where the class is used, not where it is looked at: `help(secondpass)`, `import *` and
    `isinstance` work without the optional dependency."""

    _missing: MissingExtraError

    def __call__(cls, *args: object, **options: object) -> NoReturn:
        raise _again(cls._missing)

    def __getattr__(cls, name: str) -> NoReturn:
        if name.startswith("_"):  # what inspection asks for
            raise AttributeError(name)
        raise _again(cls._missing)


def missing_extra(name: str, error: MissingExtraError) -> type[Any]:
    """A class of that name; calling it, or reading its attributes, raises the error."""
    return _MissingExtra(
        name, (), {"__module__": "secondpass", "__doc__": str(error), "_missing": error}
    )


def _again(error: MissingExtraError) -> MissingExtraError:
    return MissingExtraError(error.what, error.extra)
