"""The sentences of each text that answer the query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple, Protocol, runtime_checkable

from secondpass.core.candidate import Candidate, Mark
from secondpass.core.deadline import time_left
from secondpass.core.errors import InvalidInputError, shown
from secondpass.core.event import Note
from secondpass.core.evidence import Span, evidence_note
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage
from secondpass.stages.cut import whole_number
from secondpass.stages.in_time import Pace, score_in_time
from secondpass.stages.score import CandidateScorer, Score, Scorer, score_candidates, score_pairs
from secondpass.stages.sentences import Place, short_sentences, trimmed


class SpanRequest(NamedTuple):
    """Which parts of a text to score.

    Attributes:
        query: What was asked.
        text: What stands around them.
        places: Start and end of each in code points, in order and not overlapping.
    """

    query: str
    text: str
    places: Sequence[Place]


@runtime_checkable
class SpanScorer(Protocol):
    """A scorer that reads parts of a text in the context of the whole.

    `score_spans` returns a number for each place of each request, higher is more relevant;
    comparable inside one request.
    """

    name: str

    def score_spans(self, requests: Sequence[SpanRequest]) -> Sequence[Sequence[float]]: ...


class Evidence(Stage):
    """Finds the sentences that answer; `Candidate.evidence` has them. Scores pass through.

    Put it behind the stages that cut, so that only what is kept is looked at:
    ``load("builtin") >> Top(5) >> Evidence(scorer)``. Of a text that was read in chunks it looks
    at the best ones.

    Args:
        scorer: What scores sentences. A `SpanScorer` such as the built-in model reads them in their
            context; a `Scorer` such as a cross-encoder reads each by itself; a `CandidateScorer`
            such as `BM25` weighs the words of each against those of the others. Of a stage, such
            as ``load("builtin")``, it is the last scorer.
        at_most: Sentences noted of each text; None notes all, which `Prune` needs.
        language: Whose abbreviations do not end a sentence, such as "de".

    Raises:
        InvalidInputError: Not a scorer, or `at_most` below 1.
        ScoreError: (when run) what it returned are not numbers.
    """

    def __init__(
        self,
        scorer: Scorer | CandidateScorer | SpanScorer | Stage,
        at_most: int | None = 3,
        *,
        language: str = "en",
    ) -> None:
        if isinstance(scorer, Stage):
            scorer = _scorer_of(scorer)
        if not isinstance(scorer, SpanScorer | Scorer | CandidateScorer):
            raise InvalidInputError(
                f"{shown(scorer)} is not a scorer: it needs a name and score(pairs) -> floats"
            )
        self.scorer, self.language = scorer, language
        self.at_most = None if at_most is None else whole_number(at_most, "at_most")
        if self.at_most == 0:
            raise InvalidInputError("at_most=0 finds nothing; give at least 1")
        self.name = f"Evidence({scorer.name})"
        self._pace = Pace()

    @property
    def origin(self) -> None:
        """Scores pass through."""
        return None

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        requests = [
            SpanRequest(ranking.query, c.text, sentences_of(c, self.language))
            for ranking in rankings
            for c in ranking
        ]
        scores = iter(score_places(self.scorer, requests, self._pace))
        places = (request.places for request in requests)
        return [self._noted(r, [(next(places), next(scores)) for _ in r]) for r in rankings]

    def _noted(
        self, ranking: Ranking, found: Sequence[tuple[Sequence[Place], Sequence[float | None]]]
    ) -> Ranking:
        candidates, late = [], 0
        for rank, (c, (places, scores)) in enumerate(zip(ranking, found, strict=True)):
            spans = [
                Span(*place, score)
                for place, score in zip(places, scores, strict=True)
                if score is not None
            ]
            late += len(spans) < len(places)
            looked_at = spans or not places  # not where there was no time
            note = Note(evidence=evidence_note(spans)[: self.at_most]) if looked_at else Note()
            mark = Mark(self.name, rank, c.score, note, ranking.scale)
            candidates.append(c.marked(c.score, mark))
        ranking = replace(ranking, candidates=tuple(candidates))
        if not late:
            return ranking
        message = (
            f"evidence was looked for in {len(ranking) - late} of {len(ranking)} texts in time"
        )
        return ranking.with_event(self.name, "deadline", message)


def _scorer_of(stage: Stage) -> SpanScorer | Scorer | CandidateScorer:
    """The last scorer of a pipeline, without the cache around it where it reads spans.

    Raises:
        InvalidInputError: It has none.
    """
    for part in reversed(stage.parts):
        if isinstance(part, Score):
            inner = getattr(part.scorer, "scorer", None)
            return inner if isinstance(inner, SpanScorer) else part.scorer
        wrapped = getattr(part, "stage", None)
        if isinstance(wrapped, Stage):
            return _scorer_of(wrapped)
    raise InvalidInputError(
        f"{stage.name!r} has no scorer that could read sentences; give Evidence one, such as "
        'load("builtin")'
    )


def sentences_of(candidate: Candidate, language: str) -> list[Place]:
    """Places of a text's sentences, without white space around them, in order.

    Of a text that was read in chunks, those in the chunks that are its evidence.
    """
    text, within = candidate.text, None
    chunked = next((m.note for m in reversed(candidate.trail) if "chunks" in m.note), None)
    if chunked is not None:
        within = sorted((int(start), int(end)) for start, end, _ in chunked.get("evidence", ()))
    places: list[Place] = []
    for start, end in within or [(0, len(text))]:
        for sentence in short_sentences(text[start:end], language):
            left, right = trimmed(text, start + sentence.start, start + sentence.end)
            if left < right and (not places or left >= places[-1][1]):
                places.append((left, right))
    return places


def score_places(
    scorer: SpanScorer | Scorer | CandidateScorer, requests: Sequence[SpanRequest], pace: Pace
) -> list[list[float | None]]:
    """A score of each place of each request; None where there was no time.

    Args:
        scorer: In this order: by `score_spans`, by `score`, by `score_candidates`.
        requests: The most promising first.
        pace: What is known of the scorer's speed.
    """
    if isinstance(scorer, SpanScorer):
        if time_left() == 0:
            return [[None] * len(request.places) for request in requests]
        return [list(scores) for scores in scorer.score_spans(requests)]
    if isinstance(scorer, Scorer):
        pairs = [(r.query, r.text[start:end]) for r in requests for start, end in r.places]
        read = partial(score_pairs, scorer)
        found: Sequence[float | None]
        found = read(pairs)[0] if time_left() is None else score_in_time(read, pairs, pace)[0]
        scores = iter(found)
        return [[next(scores) for _ in request.places] for request in requests]
    return [
        list(
            score_candidates(
                scorer,
                Ranking.of(r.query, [r.text[start:end] for start, end in r.places]),
            )
        )
        for r in requests
    ]
