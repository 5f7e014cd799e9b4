"""Pointwise: each (query, text) pair gets a number that does not depend on the other pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol, runtime_checkable

from secondpass.core.candidate import Candidate
from secondpass.core.deadline import time_left
from secondpass.core.errors import InvalidInputError, ScoreError
from secondpass.core.event import Note
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage
from secondpass.stages.in_time import Pace, score_in_time, side_by_side
from secondpass.stages.scorer_output import (
    float_of,
    floats_of,
    list_of,
    shortened,
    with_note_events,
)

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
    """A scorer that also notes something on each pair, such as how much was cut."""

    def score_with_notes(self, pairs: Sequence[Pair]) -> tuple[Sequence[float], Sequence[Note]]: ...


@runtime_checkable
class CandidateScorer(Protocol):
    """A scorer that reads more than the text: metadata, the trail, or the whole list.

    `score_candidates` returns one float per candidate, or None for a candidate without a score.
    """

    name: str

    def score_candidates(
        self, query: str, candidates: Sequence[Candidate]
    ) -> Sequence[float | None]: ...


class Score(Stage):
    """Order candidates by a scorer's numbers. Gives ``raw`` scores.

    Raises:
        InvalidInputError: `scorer` has no score method.
        ScoreError: (when run) NaN, infinities, values that are not numbers, or the wrong number
            of scores.
    """

    def __init__(self, scorer: Scorer | CandidateScorer) -> None:
        if not isinstance(scorer, Scorer | CandidateScorer):
            raise InvalidInputError(
                f"{scorer!r} is not a scorer: it needs a name and score(pairs) -> floats, "
                "or score_candidates(query, candidates) -> floats"
            )
        self.scorer = scorer
        self.name = scorer.name
        self._pace = Pace()

    @property
    def pointwise(self) -> bool:
        return not isinstance(self.scorer, CandidateScorer)

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        scorer = self.scorer
        if isinstance(scorer, CandidateScorer):
            return [r.rescored(score_candidates(scorer, r), "raw", self.name) for r in rankings]
        if time_left() is not None:
            return self._run_in_time(scorer, rankings)
        pairs = [(r.query, c.text) for r in rankings for c in r]
        scores, notes = score_pairs(scorer, pairs)
        reranked: list[Ranking] = []
        start = 0
        for r in rankings:
            end = start + len(r)
            scored = r.rescored(scores[start:end], "raw", self.name, notes[start:end])
            reranked.append(with_note_events(scored, self.name))
            start = end
        return reranked

    def _run_in_time(self, scorer: Scorer, rankings: Sequence[Ranking]) -> list[Ranking]:
        """As many candidates as the deadline allows, the first of all rankings first."""
        where = side_by_side(rankings)
        pairs = [(rankings[r].query, rankings[r][c].text) for r, c in where]
        scored = score_in_time(partial(score_pairs, scorer), pairs, self._pace)
        return self.with_scores(rankings, where, *scored)

    def with_scores(
        self,
        rankings: Sequence[Ranking],
        where: Sequence[tuple[int, int]],
        scored: Sequence[float | None],
        noted: Sequence[Note],
    ) -> list[Ranking]:
        """The rankings sorted by scores that came from elsewhere, or in another order.

        Args:
            rankings: As they came in.
            where: (ranking, candidate) of each score, as `side_by_side` gives it.
            scored: None, with the note ``unscored``, for what was not scored in time.
            noted: One for each score.
        """
        scores: list[list[float | None]] = [[None] * len(r) for r in rankings]
        notes: list[list[Note]] = [[{}] * len(r) for r in rankings]
        for (r, c), score, note in zip(where, scored, noted, strict=True):
            scores[r][c], notes[r][c] = score, note
        return [
            with_note_events(self._rescored(ranking, own, said), self.name)
            for ranking, own, said in zip(rankings, scores, notes, strict=True)
        ]

    def _rescored(self, ranking: Ranking, scores: list[float | None], notes: list[Note]) -> Ranking:
        late = sum(bool(note.get("unscored")) for note in notes)
        if late:
            message = f"{len(scores) - late} of {len(scores)} candidates were scored in time"
            ranking = ranking.with_event(self.name, "deadline", message)
        return ranking.rescored(scores, "raw", self.name, notes)


def score_pairs(scorer: Scorer, pairs: Sequence[Pair]) -> tuple[list[float], list[Note]]:
    """A scorer's numbers as Python floats, and its notes; without pairs it is not called.

    Raises:
        ScoreError: Not one number and one note per pair: strings, None, arrays, or too few.
    """
    if not pairs:
        return [], []
    if not isinstance(scorer, NotedScorer):
        return floats_of(scorer.score(pairs), len(pairs), scorer.name), [{} for _ in pairs]
    result = scorer.score_with_notes(pairs)
    if not isinstance(result, tuple) or len(result) != 2:
        raise ScoreError(
            f"{scorer.name!r} returned {shortened(result)} from score_with_notes; it must return "
            "(scores, notes)"
        )
    scores, notes = floats_of(result[0], len(pairs), scorer.name), list(result[1])
    wrong = [note for note in notes if not isinstance(note, Mapping)]
    if wrong or len(notes) != len(pairs):
        raise ScoreError(
            f"{scorer.name!r} returned {len(notes)} notes for {len(pairs)} pairs"
            + (f", one of them {shortened(wrong[0])}" if wrong else "")
            + "; a note is a dict, empty where there is nothing to say"
        )
    return scores, notes


def score_candidates(scorer: CandidateScorer, ranking: Ranking) -> list[float | None]:
    scores = scorer.score_candidates(ranking.query, ranking.candidates)
    values = list_of(scores, len(ranking), scorer.name, "candidates")
    return [
        None if value is None else float_of(value, index, scorer.name)
        for index, value in enumerate(values)
    ]
