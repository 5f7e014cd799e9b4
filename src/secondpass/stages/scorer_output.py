"""What a scorer returned, as plain floats, or an error that names what it was instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import SupportsFloat, SupportsIndex

from secondpass.core.errors import ScoreError, shown


def floats_of(scores: object, count: int, by: str) -> list[float]:
    """One float for each of `count` pairs.

    Raises:
        ScoreError: Anything else, such as strings, None, or an array of two dimensions.
    """
    listed = list_of(scores, count, by, "pairs")
    return [float_of(score, place, by) for place, score in enumerate(listed)]


def list_of(scores: object, count: int, by: str, what: str) -> list[object]:
    """`count` values, whatever they are: some scorers return a map, a generator or an array.

    Args:
        scores: What the scorer returned.
        count: How many it was asked for.
        by: The scorer's name.
        what: What it scored, for the message.

    Raises:
        ScoreError: Another number of them, or no list of anything.
    """
    shape = getattr(scores, "shape", None)
    if isinstance(shape, tuple) and len(shape) != 1:
        raise ScoreError(
            f"{by!r} returned an array of shape {tuple(shape)} for {count} {what}; it must have "
            f"shape ({count},)"
        )
    if isinstance(scores, str | bytes | Mapping) or not isinstance(scores, Iterable):
        raise ScoreError(
            f"{by!r} returned {shortened(scores)} for {count} {what}; it must return one number "
            "each"
        )
    listed = list(scores)
    if len(listed) != count:
        raise ScoreError(f"{by!r} returned {len(listed)} scores for {count} {what}")
    return listed


def float_of(score: object, place: int, by: str) -> float:
    """A number as Python's float: numpy's and torch's do not go into files.

    Raises:
        ScoreError: It is no number.
    """
    if type(score) is float:
        return score
    if isinstance(score, SupportsFloat | SupportsIndex) and not getattr(score, "shape", ()):
        with suppress(OverflowError, TypeError, ValueError):
            return float(score)
    raise ScoreError(
        f"{by!r} returned {shortened(score)} as score {place}; it must return one number each"
    )


def shortened(value: object) -> str:
    """A wrong value as messages show it, with its type, however long it is."""
    text = shown(value)
    return text if len(text) <= 100 else text[:97] + "..."
