"""Long texts are read in chunks, all of them, and stay whole in the ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from secondpass.core.errors import InvalidInputError, NoScoresError
from secondpass.core.event import Note
from secondpass.core.evidence import Span, evidence_note
from secondpass.core.partial import Partial
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Composite, Stage, StageSteps, not_a_stage
from secondpass.stages.combine import combination
from secondpass.stages.cut import whole_number
from secondpass.stages.sentences import CountTokens, Place, trimmed
from secondpass.stages.split_chunks import estimate_tokens, split_chunks

EVIDENCE = 3
"""Chunks that are noted as evidence, at most."""


class Chunks(Composite):
    """Reads each text in chunks and gives it one score. Gives ``raw`` scores.

    A text is cut between sentences and paragraphs into chunks of at most `tokens` tokens. The stage
    scores the chunks of all candidates together, and the scores of a text's chunks become one. A
    text of one chunk is given to the stage as it is, and keeps its score.

    The best chunks of a long text are its evidence, best first; judges behind this stage are shown
    the best one where the whole text is too long for them. Under a deadline the first chunks of all
    texts are read before the second ones.

    What comes out is raw, also around a calibrated stage: the best of several probabilities is not
    the probability of the whole. Fit a calibrator behind it: ``calibrated(Chunks(stage), judged)``.

    Args:
        stage: Scores each candidate: a `Score`, or a pipeline of stages that cut nothing.
        tokens: Of a chunk, at most, in the tokens of the stage's model where that is known, else
            estimated. Query and special tokens have to fit beside it.
        overlap: A chunk begins with the last sentences of the one before, of at most so many
            tokens, less than half of `tokens`.
        combine: "max", "mean", "mean of best 3" (or another number), or "log-sum-exp".
        at_most: Chunks of one text that are read, from its beginning; None reads all. An event
            says how many texts had more.
        language: Whose abbreviations do not end a sentence, such as "de".

    Raises:
        InvalidInputError: An argument that makes no sense, or (when run) a stage that cuts.
        NoScoresError: (when run) the stage gives only an order.
    """

    pointwise = True

    def __init__(
        self,
        stage: Stage,
        tokens: int = 384,
        overlap: int = 0,
        combine: str = "max",
        at_most: int | None = None,
        *,
        language: str = "en",
    ) -> None:
        if not isinstance(stage, Stage):
            raise InvalidInputError(f"Chunks reads with a stage: {not_a_stage(stage)}")
        self.stage, self.combine, self.language = stage, combine, language
        self.tokens, self.overlap = whole_number(tokens, "tokens"), whole_number(overlap, "overlap")
        self.at_most = None if at_most is None else whole_number(at_most, "at_most")
        if self.tokens < 1 or self.at_most == 0:
            raise InvalidInputError(f"tokens={tokens}, at_most={at_most}: give at least 1")
        if self.overlap and 2 * self.overlap >= self.tokens:
            raise InvalidInputError(
                f"overlap={overlap}: give less than half of tokens={tokens}, or most is read twice"
            )
        self._combine = combination(combine)
        also = f"+{self.overlap}" * bool(self.overlap) + f", {language}" * (language != "en")
        most = "" if self.at_most is None else f", at most {self.at_most}"
        self.name = f"Chunks({stage.name}, {self.tokens}{also}, {combine}{most})"

    def check_origin(self, origin: str) -> None:
        self.stage.check_origin(origin)

    def flow(self, rankings: Sequence[Ranking]) -> StageSteps:
        count = counter_of(self.stage)
        split = [self._split(ranking, count) for ranking in rankings]
        (results,) = yield [(self.stage, [one.chunks for one in split])]
        return [
            self._joined(one, Partial.of(result))
            for one, result in zip(split, results, strict=True)
        ]

    def _split(self, ranking: Ranking, count: CountTokens) -> _ChunkedRanking:
        places, unread = [], []
        for candidate in ranking:
            found = split_chunks(candidate.text, self.tokens, self.overlap, count, self.language)
            most = len(found) if self.at_most is None else self.at_most
            places.append(found[:most])
            unread.append(len(found[most:]))
        return _ChunkedRanking(ranking, places, unread)

    def _joined(self, split: _ChunkedRanking, scored: Partial) -> Ranking:
        before = split.whole
        chunks = self._scored_chunks(split, scored)
        scores, notes = [], []
        for candidate, own, places, unread in zip(
            before, chunks, split.places, split.unread, strict=True
        ):
            scores.append(self._combine([chunk.score for chunk in own]) if own else None)
            notes.append(_note(candidate.text, own, len(places) + unread))
        said = scored.scored.events[len(before.events) :]
        events = tuple(replace(event, message=f"chunks: {event.message}") for event in said)
        ranking = replace(before, events=(*before.events, *events))
        if capped := sum(n > 0 for n in split.unread):
            message = (
                f"{capped} of {len(before)} texts have more than {self.at_most} chunks; "
                f"{sum(split.unread)} chunks were not read"
            )
            ranking = ranking.with_event(self.name, "truncated", message)
        return ranking.rescored(scores, "raw", self.name, notes)

    def _scored_chunks(self, split: _ChunkedRanking, result: Partial) -> list[list[_Chunk]]:
        """The chunks of each candidate that have a score, in the order of its text."""
        given = {c.id: c for c in result.scored}
        ids = {c.id for c in split.chunks}
        if ids != {*given, *(c.id for c in result.late)}:
            raise InvalidInputError(
                f"{self.stage.name!r} does not give back every chunk; put stages that cut behind "
                "Chunks(...)"
            )
        scores = {id: c.score for id, c in given.items()}
        if given and result.scored.scale == "order":
            # a judge whose budget ended gives an order, and rated some of them all the same
            by_one = len({c.trail[-1].stage for c in result.scored}) == 1
            scores = {id: c.trail[-1].score for id, c in given.items() if by_one}
        scored = {id: score for id, score in scores.items() if score is not None}
        if given and not scored:
            raise NoScoresError(
                f"Chunks needs scores, and {self.stage.name!r} gives only an order; a judge stands "
                "behind Chunks(...), and reads the best chunk of each text"
            )
        return [
            [
                _Chunk(place, scored[id], given[id].trail[-1].note)
                for number, place in enumerate(places)
                if (id := _id(index, number)) in scored
            ]
            for index, places in enumerate(split.places)
        ]


class _ChunkedRanking:
    """The chunks of a ranking's candidates as a ranking; the first ones of all come first.

    Attributes:
        whole: The ranking.
        places: Of the chunks of each candidate that are read.
        unread: How many more it has.
        chunks: What the stage scores.
    """

    def __init__(self, whole: Ranking, places: list[list[Place]], unread: list[int]) -> None:
        self.whole, self.places, self.unread = whole, places, unread
        most = max(map(len, places), default=0)
        candidates = tuple(
            replace(
                whole[index],
                id=_id(index, number),
                text=whole[index].text[slice(*places[index][number])],
                score=None,
            )
            for number in range(most)
            for index in range(len(whole))
            if number < len(places[index])
        )
        self.chunks = replace(whole, candidates=candidates, scale="order")


@dataclass(frozen=True, slots=True)
class _Chunk:
    """One that was scored: its place in the text, and what the stage noted on it."""

    place: Place
    score: float
    note: Note


def _id(index: int, number: int) -> str:
    return f"{index}:{number}"


def _note(text: str, read: Sequence[_Chunk], chunks: int) -> Note:
    """What is said of a text of so many chunks; of one chunk what the stage said."""
    if not read:
        return {"unscored": True}
    if chunks == 1:
        return read[0].note
    spans = [Span(*trimmed(text, *chunk.place), chunk.score) for chunk in read]
    note = chunks_note(spans, chunks - len(read))
    if cut := sum(chunk.note.get("cut_tokens", 0) for chunk in read):
        note["cut_tokens"] = cut
    return note


def chunks_note(read: Sequence[Span], unread: int) -> Note:
    """What is said of a text that was read in chunks: how many, and the best as its evidence.

    Args:
        read: The places of those that were read, with their scores.
        unread: How many more there are.
    """
    note: Note = {"chunks": len(read), "evidence": evidence_note(read)[:EVIDENCE]}
    if unread:
        note["unread_chunks"] = unread
    return note


def counter_of(stage: Stage) -> CountTokens:
    """Counts tokens as the model of a stage does; an estimate where that is not known."""
    for part in stage.parts:
        inner = getattr(part, "scorer", getattr(part, "stage", None))
        while inner is not None:
            if callable(count := getattr(inner, "count_tokens", None)):
                return count  # type: ignore[no-any-return]
            inner = getattr(inner, "scorer", None)
    return estimate_tokens
