"""Numbers that options take, checked before any work, in the words that the user typed."""

from __future__ import annotations

import math
from collections.abc import Callable

import typer

from secondpass.core.errors import InvalidInputError

Number = float | None
Check = Callable[[typer.CallbackParam, Number], Number]
"""A callback of an option. Infinities and NaN fit nowhere; None is an option that is not given."""


def number_from(low: float, high: float = math.inf, what: str = "give") -> Check:
    """From `low` to `high`, both allowed."""
    words = f"{low:g} or more" if high == math.inf else f"from {low:g} to {high:g}"
    return _checked(lambda number: low <= number <= high, f"{what} {words}")


def number_above(low: float, high: float = math.inf, what: str = "give a number") -> Check:
    """Above `low`, and up to `high`."""
    words = f"above {low:g}" + ("" if high == math.inf else f", up to {high:g}")
    return _checked(lambda number: low < number <= high, f"{what} {words}")


def _checked(fits: Callable[[float], bool], remedy: str) -> Check:
    def check(param: typer.CallbackParam, value: Number) -> Number:
        if value is not None and not (math.isfinite(value) and fits(value)):
            raise InvalidInputError(f"{' / '.join(param.opts)} {value:g}: {remedy}")
        return value

    return check
