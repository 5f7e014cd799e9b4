"""Checks what a scorer returned, and makes events of its notes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import SupportsFloat, SupportsIndex

from secondpass.core.errors import ScoreError, shown
from secondpass.core.event import EventKind
from secondpass.core.ranking import Ranking

_EVENTS: dict[str, tuple[EventKind, str]] = {
    "cut_tokens": (
        "truncated",
        "{n} of {of} texts were longer than the model reads; the rest was cut",
    ),
    "unread_chunks": (
        "truncated",
        "{n} of {of} texts have more chunks than are read; of the first, {note} were not read",
    ),
    "late_chunks": ("deadline", "{n} of {of} texts were not read to their end in time"),
    "cut_query_tokens": (
        "truncated",
        "the query was longer than the model reads; {note} tokens of it were cut",
    ),
    "vector_file_failed": (
        "vector-file-failed",
        "the file of vectors was {note}; the model read {n} of {of} texts. If this does not pass, "
        "delete the file, and it is made anew",
    ),
    "stored_vector_damaged": (
        "stored-vector-damaged",
        "the stored vectors of {n} of {of} texts were damaged; the model read these texts again",
    ),
    "disk_cache_failed": (
        "disk-cache-failed",
        "the file of scores was {note}; {n} of {of} scores were computed. If this does not pass, "
        "delete the file, and it is made anew",
    ),
    "stored_score_damaged": (
        "stored-score-damaged",
        "{n} of {of} stored scores were damaged, and computed again",
    ),
    "other_language": (
        "other-language",
        "{n} of {of} texts are not in English, which is all that this model reads; for other "
        "languages: pip install secondpass-multilingual, and model 'builtin-multilingual'",
    ),
}
"""By key of a note: the kind and message of the event that the ranking gets."""
_ALWAYS = ("cut_tokens", "cut_query_tokens", "unread_chunks", "late_chunks", "other_language")
"""A cut text stays cut when its score is cached; trouble with a file was when it was computed."""
_OF_MOST = ("other_language",)
"""What is no event where it is so of half of the texts or fewer."""


def with_note_events(ranking: Ranking, stage: str) -> Ranking:
    """The ranking with one event for each kind of problem in the last notes of its trail."""
    notes: list[Mapping[str, object]] = [c.trail[-1].note for c in ranking]
    for key, (kind, message) in _EVENTS.items():
        # a file failed when a cached score was computed, not now; a cut text is still cut
        values = [n[key] for n in notes if key in n and (key in _ALWAYS or "cached" not in n)]
        if values and (key not in _OF_MOST or 2 * len(values) > len(ranking)):
            text = message.format(n=len(values), of=len(ranking), note=values[0])
            ranking = ranking.with_event(stage, kind, text)
    return ranking


def floats_of(scores: object, count: int, scorer: str) -> list[float]:
    """One float for each of `count` pairs.

    Raises:
        ScoreError: Anything else, such as strings, None, or an array of two dimensions.
    """
    values = list_of(scores, count, scorer, "pairs")
    return [float_of(value, index, scorer) for index, value in enumerate(values)]


def list_of(scores: object, count: int, scorer: str, what: str) -> list[object]:
    """`count` values of any kind: some scorers return a map, a generator or an array.

    Args:
        scores: What the scorer returned.
        count: Number of values it should return.
        scorer: Its name.
        what: What it scored, for the message.

    Raises:
        ScoreError: Another number of them, or not a list of anything.
    """
    shape = getattr(scores, "shape", None)
    if isinstance(shape, tuple) and len(shape) != 1:
        raise ScoreError(
            f"{scorer!r} returned an array of shape {tuple(shape)} for {count} {what}; it must "
            f"have shape ({count},)"
        )
    if isinstance(scores, str | bytes | Mapping) or not isinstance(scores, Iterable):
        raise ScoreError(
            f"{scorer!r} returned {shortened(scores)} for {count} {what}; it must return one "
            "number each"
        )
    values = list(scores)
    if len(values) != count:
        raise ScoreError(f"{scorer!r} returned {len(values)} scores for {count} {what}")
    return values


def float_of(score: object, index: int, scorer: str) -> float:
    """A number as Python's float: numpy's and torch's cannot be written to files.

    Raises:
        ScoreError: It is not a number.
    """
    if type(score) is float:
        return score
    if isinstance(score, SupportsFloat | SupportsIndex) and not getattr(score, "shape", ()):
        with suppress(OverflowError, TypeError, ValueError):
            return float(score)
    raise ScoreError(
        f"{scorer!r} returned {shortened(score)} as score {index}; it must return one number each"
    )


def shortened(value: object) -> str:
    """A wrong value with its type, short enough for a message."""
    text = shown(value)
    return text if len(text) <= 100 else text[:97] + "..."
