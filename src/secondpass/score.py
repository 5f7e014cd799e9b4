"""Pointwise: each (query, text) pair gets a number, whatever else is in the list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol, SupportsFloat, SupportsIndex, runtime_checkable

from secondpass.candidate import Candidate, Note
from secondpass.errors import InvalidInputError, ScoreError, shown
from secondpass.ranking import Ranking
from secondpass.stage import Stage

Pair = tuple[str, str]
"""A query and a text."""


@runtime_checkable
class Scorer(Protocol):
    """What a model author writes. Batching, devices and memory live behind it.

    `name` says which weights it has ("backend:model@revision"), because calibrators trust it.
    `score` returns one finite float per pair, higher is more relevant; it may not depend on the
    other pairs. `secondpass.testing.check_scorer` checks all that.

    Optionally a string attribute `cache_key` states what else its scores depend on, such as how
    many tokens it reads: scores that `Cached` keeps are shared by scorers with the same name and
    cache_key. Without one, all arguments of its constructor count.
    """

    name: str

    def score(self, pairs: Sequence[Pair]) -> Sequence[float]: ...


@runtime_checkable
class NotedScorer(Scorer, Protocol):
    """A scorer that also has something to say about each pair, such as how much was cut."""

    def score_with_notes(self, pairs: Sequence[Pair]) -> tuple[Sequence[float], Sequence[Note]]: ...


@runtime_checkable
class CandidateScorer(Protocol):
    """A scorer that reads more than the text: metadata, the trail, or the whole list.

    `score_candidates` returns one float per candidate, or None where it has no opinion.
    """

    name: str

    def score_candidates(
        self, query: str, candidates: Sequence[Candidate]
    ) -> Sequence[float | None]: ...


class Score(Stage):
    """Order candidates by a scorer's numbers. Gives ``raw`` scores.

    Raises:
        InvalidInputError: `scorer` has no score method.
        ScoreError: (when run) NaN, an infinity, what is no number, or the wrong number of scores.
    """

    def __init__(self, scorer: Scorer | CandidateScorer) -> None:
        if not isinstance(scorer, Scorer | CandidateScorer):
            raise InvalidInputError(
                f"{scorer!r} is no scorer: it needs a name and score(pairs) -> floats, "
                "or score_candidates(query, candidates) -> floats"
            )
        self.scorer = scorer
        self.name = scorer.name

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        scorer = self.scorer
        if isinstance(scorer, CandidateScorer):
            return [r.rescored(_opinions(scorer, r), "raw", by=self.name) for r in rankings]
        pairs = [(r.query, c.text) for r in rankings for c in r]
        scores, notes = score_pairs(scorer, pairs)
        done: list[Ranking] = []
        start = 0
        for r in rankings:
            end = start + len(r)
            done.append(r.rescored(scores[start:end], "raw", self.name, notes[start:end]))
            start = end
        return [_add_events(r, self.name) for r in done]


def score_pairs(scorer: Scorer, pairs: Sequence[Pair]) -> tuple[list[float], list[Note]]:
    """A scorer's numbers as Python floats, and its notes; nothing is asked about no pairs.

    Raises:
        ScoreError: Not one number and one note per pair: strings, None, arrays, or too few.
    """
    if not pairs:
        return [], []
    if not isinstance(scorer, NotedScorer):
        return _to_floats(scorer.score(pairs), len(pairs), scorer.name), [{} for _ in pairs]
    result = scorer.score_with_notes(pairs)
    if not isinstance(result, tuple) or len(result) != 2:
        raise ScoreError(
            f"{scorer.name!r} returned {_short(result)} from score_with_notes; it must return "
            "(scores, notes)"
        )
    scores, notes = _to_floats(result[0], len(pairs), scorer.name), list(result[1])
    wrong = next((note for note in notes if not isinstance(note, Mapping)), None)
    if len(notes) != len(pairs) or not all(isinstance(note, Mapping) for note in notes):
        raise ScoreError(
            f"{scorer.name!r} returned {len(notes)} notes for {len(pairs)} pairs"
            + (f", one of them {_short(wrong)}" if wrong is not None else "")
            + "; a note is a dict, empty where there is nothing to say"
        )
    return scores, notes


def _opinions(scorer: CandidateScorer, ranking: Ranking) -> list[float | None]:
    opinions = scorer.score_candidates(ranking.query, ranking.candidates)
    return [
        None if opinion is None else _to_float(opinion, place, scorer.name)
        for place, opinion in enumerate(_to_list(opinions, len(ranking), scorer.name, "candidates"))
    ]


def _to_floats(scores: object, count: int, by: str) -> list[float]:
    return [
        _to_float(score, place, by)
        for place, score in enumerate(_to_list(scores, count, by, "pairs"))
    ]


def _to_list(scores: object, count: int, by: str, what: str) -> list[object]:
    if isinstance(scores, str | bytes | Mapping) or not isinstance(scores, Iterable):
        raise ScoreError(
            f"{by!r} returned {_short(scores)} for {count} {what}; it must return one number each"
        )
    try:
        listed = list(scores)  # some return a map, a generator or an array
    except TypeError as error:  # an array of no dimensions
        raise ScoreError(f"{by!r} returned {_short(scores)} for {count} {what}: {error}") from error
    if len(listed) != count:
        raise ScoreError(f"{by!r} returned {len(listed)} scores for {count} {what}")
    return listed


def _to_float(score: object, place: int, by: str) -> float:
    """A number as Python's float; numpy's and torch's do not go into files."""
    if type(score) is float:
        return score
    if isinstance(score, SupportsFloat | SupportsIndex) and not getattr(score, "shape", ()):
        with suppress(OverflowError, TypeError, ValueError):
            return float(score)
    raise ScoreError(
        f"{by!r} returned {_short(score)} as score {place}; it must return one number each"
        + (", so flatten it" if getattr(score, "shape", ()) else "")
    )


def _short(value: object) -> str:
    text = shown(value)
    return text if len(text) <= 100 else text[:97] + "..."


_EVENTS = {
    "cut_tokens": (
        "truncated",
        "{n} of {of} texts were longer than the model reads; the rest was cut",
    ),
    "vector_file": (
        "vector-file-failed",
        "the file of vectors was {note}; {n} of {of} texts were read by the model",
    ),
    "stored_vector_damaged": (
        "stored-vector-damaged",
        "the kept vectors of {n} of {of} texts were damaged; the model read these texts again",
    ),
    "disk_cache": (
        "disk-cache-failed",
        "the file of scores was {note}; {n} of {of} scores were computed",
    ),
    "stored_score_damaged": (
        "stored-score-damaged",
        "{n} of {of} kept scores were damaged, and computed again",
    ),
}
"""What a note becomes on the ranking: an event's kind and its message."""


def _add_events(ranking: Ranking, by: str) -> Ranking:
    notes = [c.trail[-1].note for c in ranking]
    for entry, (kind, message) in _EVENTS.items():
        values = [note[entry] for note in notes if entry in note and _is_new(entry, note)]
        if values:
            text = message.format(n=len(values), of=len(ranking), note=values[0])
            ranking = ranking.told(by, kind, text)
    return ranking


def _is_new(entry: str, note: Note) -> bool:
    """Trouble with a file happened when a cached score was computed; a cut text is still cut."""
    return entry == "cut_tokens" or "cached" not in note
