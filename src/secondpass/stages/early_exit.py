"""Read the beginning of every text, and the whole of those that can still reach the top k."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from secondpass.core.candidate import Candidate, Mark
from secondpass.core.errors import CalibrationError, InvalidInputError
from secondpass.core.event import Event, Note
from secondpass.core.ranking import Ranking, Scale
from secondpass.core.stage import Composite, Stage, StageSteps
from secondpass.stages.exit_margin import ExitMargin
from secondpass.stages.first_reading import (
    named_as_first,
    new_marks,
    read_whole,
    scores_by_id,
    shortened,
)
from secondpass.stages.pointwise import is_pointwise

Rest = Literal["below", "drop"]


class EarlyExit(Composite):
    """The top k of a stage without reading every text to its end.

        early = EarlyExit.fit(load("builtin:raw"), rankings, k=10)
        early(ranking)

    First the stage reads the beginning of every text (or a cheap stage reads the whole). Then, best
    first and a few at a time, it reads in full those whose first score lies at most the margin
    below the k-th best full score so far, until no text is left that does. A text that fits into
    the first reading is not read again. After early exits in additive ensembles: Cambazoglu et al.
    2010, WSDM.

    ``rest="below"`` keeps everything: those read in full, by their scores, above the others in the
    order of the first reading. That is an ``order``, since two readings are not comparable.
    ``rest="drop"`` gives the best k only, all read in full, so their scores stay, on the stage's
    own scale and under its name: a calibrator fitted on the stage fits behind it.

    An event says how many were read in full, and every trail what was read of that text.

    Args:
        stage: Reads in full; scorers and their calibrators only, since it sees some candidates
            at a time.
        margin: See `fit`. Fitted on these stages.
        cheap: Reads every text first; the stage itself, on the beginning of the text, if None.
        rest: What becomes of candidates that are not in the top k.
        batch: How many texts of a ranking are read in full at a time.

    Raises:
        InvalidInputError: A stage that is not pointwise, or arguments that do not fit together.
        CalibrationError: The margin was fitted on other stages.
        NoScoresError: (when run) the cheap stage gives no scores.
    """

    def __init__(
        self,
        stage: Stage,
        margin: ExitMargin,
        *,
        cheap: Stage | None = None,
        rest: Rest = "below",
        batch: int = 8,
    ) -> None:
        readers = _readers(stage, cheap, margin.prefix)
        if rest not in ("below", "drop"):
            raise InvalidInputError(f'rest={rest!r}; "below" or "drop"')
        if batch < 1:
            raise InvalidInputError(f"batch={batch} must be at least 1")
        if margin.fitted_on != readers:
            raise CalibrationError(
                f"this margin was fitted on {margin.fitted_on!r} and would be used with "
                f"{readers!r}; fit it again with EarlyExit.fit(stage, rankings)"
            )
        self.stage, self.margin, self.cheap, self.batch = stage, margin, cheap, batch
        self.rest: Rest = rest
        first = f"first {margin.prefix} characters" if cheap is None else cheap.name
        self.name = f"EarlyExit({stage.name}, {margin.k}, {first}, {margin.value:.3g}, {rest})"

    @classmethod
    def fit(
        cls,
        stage: Stage,
        rankings: Sequence[Ranking],
        k: int = 10,
        *,
        cheap: Stage | None = None,
        prefix: int | None = None,
        coverage: float = 0.95,
        rest: Rest = "below",
        batch: int = 8,
    ) -> EarlyExit:
        """Learn the margin from rankings, which need no labels.

        Both readings are made of every candidate. The margin is a quantile of how far the members
        of the true top k stood below the k-th best full score in the first reading.

        Args:
            stage: See `EarlyExit`.
            rankings: Of the kind that it will run on, each with more than k candidates.
            k: How many of the best have to be right.
            cheap: See `EarlyExit`.
            prefix: Characters of the first reading, 256 if None; not with `cheap`.
            coverage: Which share of the true top k is found, about, on new queries; lower is
                faster.
            rest: See `EarlyExit`.
            batch: See `EarlyExit`.

        Raises:
            CalibrationError: Too few rankings, or their texts are too short to gain anything.
            InvalidInputError: See `EarlyExit`.
        """
        used = 256 if prefix is None and cheap is None else prefix
        fitted_on = _readers(stage, cheap, used)
        longer = [r for r in rankings if len(r) > k]
        short = (cheap or stage).run([shortened(r, used) for r in longer])
        full = stage.run([shortened(r, None) for r in longer])
        shortfalls: list[float] = []
        for given, first, last in zip(longer, short, full, strict=True):
            whole = read_whole(given, used)
            scores = scores_by_id(first, (cheap or stage).name)
            best = last.head(k)
            least = best.scores[-1]
            shortfalls += [least - scores[c.id] for c in best if c.id not in whole]
        margin = ExitMargin.of_shortfalls(
            shortfalls, k=k, prefix=used, fitted_on=fitted_on, coverage=coverage
        )
        return cls(stage, margin, cheap=cheap, rest=rest, batch=batch)

    @property
    def origin(self) -> str | None:
        return self.stage.origin if self.rest == "drop" else self.name

    def flow(self, rankings: Sequence[Ranking]) -> StageSteps:
        prefix = self.margin.prefix
        short = [shortened(r, prefix) for r in rankings]
        (said,) = yield [(self.cheap or self.stage, short)]
        name = (self.cheap or self.stage).name
        states = [
            _Reading(r, before, after, self.margin, name)
            for r, before, after in zip(rankings, short, said, strict=True)
        ]
        while True:
            due = [(state, part) for state in states if len(part := state.due(self.batch))]
            if not due:
                return [state.result(self.name, self.rest) for state in states]
            (read,) = yield [(self.stage, [part for _, part in due])]
            for (state, part), after in zip(due, read, strict=True):
                state.take(part, after)


class _Reading:
    """How far one ranking has been read."""

    def __init__(
        self, given: Ranking, before: Ranking, said: Ranking, margin: ExitMargin, name: str
    ) -> None:
        self.given, self.margin = given, margin
        self.first = scores_by_id(said, name)
        whole = read_whole(given, margin.prefix)
        marks = new_marks(before, said)
        self.whole = whole
        self.marks = named_as_first(marks, whole, margin.prefix)
        self.full = {id: self.first[id] for id in whole}
        self.scale: Scale = said.scale
        self.events = list(said.events)
        self.waiting = [id for id in said.ids if id not in whole]
        self.by_id = {c.id: c for c in given}
        self.last = {id: marks[id] for id in whole}

    def due(self, batch: int) -> Ranking:
        """The next few that can still reach the top k; they keep the order in which they came."""
        k = self.margin.k
        known = heapq.nlargest(k, self.full.values())
        bar = known[-1] if len(known) == k else -math.inf
        few = self.waiting[: max(batch, k - len(known))]
        chosen = {id for id in few if self.first[id] + self.margin.value >= bar}
        picked = tuple(replace(c, score=None) for c in self.given if c.id in chosen)
        return Ranking(self.given.query, picked)

    def take(self, part: Ranking, read: Ranking) -> None:
        """What the full reading said of a part."""
        self.full |= scores_by_id(read, "the full reading")
        self.last |= new_marks(part, read)
        self.scale = read.scale
        self.events += [e for e in read.events if e not in self.events]
        self.waiting = [id for id in self.waiting if id not in self.full]

    def result(self, name: str, rest: Rest) -> Ranking:
        """Those read in full on top."""
        order = sorted((c.id for c in self.given if c.id in self.full), key=lambda i: -self.full[i])
        done = [self._read(id, rank) for rank, id in enumerate(order)]
        message = (
            f"{len(order)} of {len(self.given)} texts were read in full; the first reading of the "
            f"others was more than {self.margin.value:.3g} below the best {self.margin.k}"
            if self.waiting
            else f"all {len(order)} texts were read in full"
        )
        events = (*self.given.events, *self.events, Event(name, "early-exit", message))
        if rest == "drop":
            kept = tuple(done[: self.margin.k])
            return Ranking(self.given.query, kept, self.scale, events)
        both = [*done, *(self._unread(id) for id in self.waiting)]
        ranked = tuple(
            replace(
                c, score=None, trail=(*c.trail, Mark(name, rank, None, _note(rank < len(done))))
            )
            for rank, c in enumerate(both)
        )
        return Ranking(self.given.query, ranked, "order", events)

    def _read(self, id: str, rank: int) -> Candidate:
        given, last = self.by_id[id], self.last[id]
        ranked = tuple(replace(m, rank=rank) for m in last)  # among all that were read in full
        first = () if id in self.whole else self.marks[id]
        return replace(given, score=self.full[id], trail=(*given.trail, *first, *ranked))

    def _unread(self, id: str) -> Candidate:
        given = self.by_id[id]
        return replace(given, trail=(*given.trail, *self.marks[id]))


def _note(full: bool) -> Note:
    return {"read_in_full": full}


def _readers(stage: Stage, cheap: Stage | None, prefix: int | None) -> str:
    if not isinstance(stage, Stage) or not is_pointwise(stage):
        raise InvalidInputError(
            f"EarlyExit reads some candidates at a time, and {stage!r} is not known to judge each "
            "by itself; give a scorer's stage, such as load('builtin:raw')"
        )
    if (cheap is None) == (prefix is None):
        raise InvalidInputError(
            "the first reading is either of a prefix of each text or by a cheap stage: give "
            "prefix or cheap, and not both"
        )
    return stage.name if cheap is None else f"{cheap.name} then {stage.name}"
