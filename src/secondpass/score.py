"""Pointwise: each (query, text) pair gets a number, whatever else is in the list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from secondpass.candidate import Candidate, Note
from secondpass.errors import InvalidInputError, ScoreError
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
        ScoreError: (when run) NaN, an infinity, or the wrong number of scores.
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
            opinions = [scorer.score_candidates(r.query, r.candidates) for r in rankings]
            return [
                r.rescored(given, "raw", by=self.name)
                for r, given in zip(rankings, opinions, strict=True)
            ]
        pairs = [(r.query, c.text) for r in rankings for c in r]
        scores: Sequence[float] = []
        notes: Sequence[Note] = [{}] * len(pairs)
        if not pairs:
            pass
        elif isinstance(scorer, NotedScorer):
            scores, notes = scorer.score_with_notes(pairs)
        else:
            scores = list(scorer.score(pairs))  # some return a map or a generator
        if not len(scores) == len(notes) == len(pairs):
            raise ScoreError(f"{self.name!r} returned {len(scores)} scores for {len(pairs)} pairs")
        done: list[Ranking] = []
        start = 0
        for r in rankings:
            end = start + len(r)
            done.append(r.rescored(scores[start:end], "raw", self.name, notes[start:end]))
            start = end
        return [_tell_cuts(r, self.name) for r in done]


def _tell_cuts(ranking: Ranking, by: str) -> Ranking:
    cut = sum("cut_tokens" in c.trail[-1].note for c in ranking)
    if not cut:
        return ranking
    message = f"{cut} of {len(ranking)} texts were longer than the model reads; the rest was cut"
    return ranking.told(by, "truncated", message)
