"""What happened to single candidates, told once for the whole ranking."""

from __future__ import annotations

from collections.abc import Mapping

from secondpass.core.event import EventKind
from secondpass.core.ranking import Ranking

_EVENTS: dict[str, tuple[EventKind, str]] = {
    "cut_tokens": (
        "truncated",
        "{n} of {of} texts were longer than the model reads; the rest was cut",
    ),
    "cut_query_tokens": (
        "truncated",
        "the query was longer than the model reads; {note} tokens of it were cut",
    ),
    "vector_file_failed": (
        "vector-file-failed",
        "the file of vectors was {note}; the model read {n} of {of} texts. If it does not pass, "
        "delete the file, and it is made anew",
    ),
    "stored_vector_damaged": (
        "stored-vector-damaged",
        "the kept vectors of {n} of {of} texts were damaged; the model read these texts again",
    ),
    "disk_cache_failed": (
        "disk-cache-failed",
        "the file of scores was {note}; {n} of {of} scores were computed. If it does not pass, "
        "delete the file, and it is made anew",
    ),
    "stored_score_damaged": (
        "stored-score-damaged",
        "{n} of {of} kept scores were damaged, and computed again",
    ),
}
"""What a note becomes on the ranking: an event's kind and its message."""


def events_of_notes(ranking: Ranking, by: str) -> Ranking:
    """The ranking with one event for each kind of trouble that the last notes of its trail tell."""
    notes: list[Mapping[str, object]] = [c.trail[-1].note for c in ranking]
    for entry, (kind, message) in _EVENTS.items():
        values = [note[entry] for note in notes if entry in note and _is_new(entry, note)]
        if values:
            text = message.format(n=len(values), of=len(ranking), note=values[0])
            ranking = ranking.with_event(by, kind, text)
    return ranking


def _is_new(entry: str, note: Mapping[str, object]) -> bool:
    """Trouble with a file happened when a cached score was computed; a cut text is still cut."""
    return entry in ("cut_tokens", "cut_query_tokens") or "cached" not in note
