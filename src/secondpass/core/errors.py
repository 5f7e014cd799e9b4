"""Everything this library raises on purpose.

* SecondPassError
  + InvalidInputError    an argument or a document is not usable          (also ValueError)
    - WrongCallError     a keyword that does not exist, or no ranking where one belongs
                         (also TypeError)
  + UnknownModelError    the model string names nothing that can be loaded (also LookupError)
  + ModelError           a model is unreadable, or failed its checks      (also RuntimeError)
  + MissingExtraError    an optional dependency is not installed          (also ImportError)
  + ScoreError           a scorer returned NaN, or the wrong number       (also ValueError)
  + OrderError           a judge's answer is not a permutation            (also ValueError)
  + NoScoresError        scores were read off an order-only ranking       (also TypeError)
  + NotCalibratedError   probabilities were needed, raw scores given      (also TypeError)
  + CalibrationError     a calibrator cannot be fitted, or does not fit here (also ValueError)
  + GuaranteeError       nothing can be promised, or the promise is not for here (also ValueError)
  + RecipeError          a pipeline cannot be written to or read from a recipe (also ValueError)

Each inherits the built-in exception that callers already catch, and each message says what was
wrong and what to do about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn


class SecondPassError(Exception):
    """Base class: catch this to catch everything above."""


class InvalidInputError(SecondPassError, ValueError):
    """An argument, a query or a document is not usable."""


class WrongCallError(InvalidInputError, TypeError):
    """A function was called with a keyword that it does not have, or a stage without a ranking.

    The message names what to write instead.
    """


class UnknownModelError(SecondPassError, LookupError):
    """The model string names nothing that can be loaded."""


class ModelError(SecondPassError, RuntimeError):
    """A model is unreadable, or it failed the checks made as it loads."""


class MissingExtraError(SecondPassError, ImportError):
    """An optional dependency is not installed; the message is the command that installs it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f'{what} needs an optional dependency. Install it: pip install "secondpass[{extra}]"'
        )
        self.what, self.extra = what, extra

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        return type(self), (self.what, self.extra)


class ScoreError(SecondPassError, ValueError):
    """A scorer returned NaN, an infinity, or the wrong number of scores."""


class OrderError(SecondPassError, ValueError):
    """A judge's answer is not a permutation of what it was given."""


class NoScoresError(SecondPassError, TypeError):
    """Scores were read off a ranking that is only an order."""


class NotCalibratedError(SecondPassError, TypeError):
    """Probabilities were needed and raw scores were given."""


class CalibrationError(SecondPassError, ValueError):
    """A calibrator cannot be fitted on this data, or was fitted on another pipeline."""


class GuaranteeError(SecondPassError, ValueError):
    """Nothing can be promised from these queries, or the promise was made for another pipeline.

    Attributes:
        best: For each risk the least level that could be promised; None where none could. Empty
            where the queries are not what was wrong.
        more_queries: How many more judged queries would be enough, about; None where none would.
    """

    def __init__(
        self,
        message: str,
        best: Mapping[str, float | None] | None = None,
        more_queries: int | None = None,
    ) -> None:
        super().__init__(message)
        self.best, self.more_queries = dict(best or {}), more_queries


class RecipeError(SecondPassError, ValueError):
    """A pipeline cannot be written as a recipe, or a recipe cannot be read."""


class _MissingExtra(type):
    """Raises where the class is used, not where it is looked at: `help(secondpass)`, `import *` and
    `isinstance` work without the optional dependency."""

    _missing: MissingExtraError

    def __call__(cls, *args: object, **options: object) -> NoReturn:
        raise _copied(cls._missing)

    def __getattr__(cls, name: str) -> NoReturn:
        if name.startswith("_"):  # what inspection asks for
            raise AttributeError(name)
        raise _copied(cls._missing)


def missing_class(name: str, error: MissingExtraError) -> type[Any]:
    """A class of that name; calling it, or reading its attributes, raises the error."""
    return _MissingExtra(
        name, (), {"__module__": "secondpass", "__doc__": str(error), "_missing": error}
    )


def _copied(error: MissingExtraError) -> MissingExtraError:
    return MissingExtraError(error.what, error.extra)


def shown(value: object) -> str:
    """A wrong value as messages show it: with its type, and not at length."""
    return f"{type(value).__name__} {value!r:.200}" if value is not None else "None"
