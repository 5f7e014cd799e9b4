"""The one value that moves through the library: a query and its candidates, best first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, overload

from secondpass.core.call_hints import hint_keywords
from secondpass.core.candidate import Candidate, Mark, Scale, candidates_of, check_scores
from secondpass.core.errors import InvalidInputError, NoScoresError, OrderError, ScoreError, shown
from secondpass.core.event import Event, EventKind, Note
from secondpass.core.ranking_details import RETRIEVER, ranking_details, ranking_frame

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, slots=True, repr=False)
class Ranking(Sequence[Candidate]):
    """A query and its candidates, best first, with what their scores mean.

    Attributes:
        query: Never empty.
        candidates: Best first, with unique ids; may be empty.
        scale: What the scores are, see `Scale`.
        events: What happened on the way, oldest first.

    Raises:
        InvalidInputError: Empty query, or two candidates with the same id.
        ScoreError: Scores that are missing, not finite, outside their scale or out of order.
    """

    query: str
    candidates: tuple[Candidate, ...]
    scale: Scale = "order"
    events: tuple[Event, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.query, str) or not self.query.strip():
            raise InvalidInputError(
                f"the query must be a non-empty string, got {shown(self.query)}; "
                "without one there is nothing to be relevant to"
            )
        seen: set[str] = set()
        for c in self.candidates:
            if c.id in seen:
                raise InvalidInputError(
                    f"two candidates have the id {c.id!r}; ids must be unique within a ranking, "
                    "so number them or add a suffix"
                )
            seen.add(c.id)
        if self.scale != "order":
            check_scores(self.candidates, self.scale)
        elif any(c.score is not None for c in self.candidates):
            raise ScoreError(
                "an order has no scores, and these candidates have some; use Ranking.of(...), "
                "which keeps a retriever's scores in the trail, or say what scale they are on"
            )

    @classmethod
    @hint_keywords()
    def of(cls, query: str, docs: Iterable[str | Candidate], *, source: str = RETRIEVER) -> Ranking:
        """A ranking of documents in the order given, nothing scored yet.

        Args:
            query: What was asked.
            docs: Texts, which get the ids "0", "1", ..., or candidates. A score on a candidate is
                the first stage's: it is kept in the trail, where it cannot be mistaken for ours.
            source: The name under which such scores are kept.

        Raises:
            InvalidInputError: A document is neither a string nor a Candidate, `docs` is one
                string, a dict, a set or a table, the query is empty, or two ids are equal.
        """
        return cls(query, candidates_of(docs, source))

    @property
    def ids(self) -> list[str]:
        """The candidates' ids, best first."""
        return [c.id for c in self.candidates]

    @property
    def indices(self) -> list[int]:
        """Each candidate's index in the caller's list, from 0; the best candidate's comes first.

        Raises:
            InvalidInputError: A candidate was not in a list; `Ranking.of` makes a ranking of one.
        """
        positions = [c.position for c in self.candidates if c.position is not None]
        if len(positions) < len(self):
            raise InvalidInputError(
                "some of these candidates have no position; Ranking.of(query, docs) gives them one"
            )
        return positions

    @property
    def status(self) -> Literal["complete", "partial", "fallback"]:
        """Whether all was done as intended; events say more. "partial": a deadline ended before all
        was scored. "fallback": another stage than the first, or none, gave this order."""
        kinds = {event.kind for event in self.events}
        if "deadline" in kinds:
            return "partial"
        return "fallback" if "stage-failed" in kinds else "complete"

    @property
    def scores(self) -> list[float]:
        """Every score, best first.

        Raises:
            NoScoresError: This ranking is only an order, and 0.0 would be a lie.
        """
        if self.scale == "order":
            raise NoScoresError(
                f"the ranking for {self.query!r} is an order: its last stage gave no scores. "
                "Read .ids, or the trail of each candidate"
            )
        return [c.score for c in self.candidates if c.score is not None]

    def rescored(
        self,
        scores: Sequence[float | None],
        scale: Scale,
        by: str,
        notes: Sequence[Note] | None = None,
    ) -> Ranking:
        """Sort by `scores`, best first; ties keep their current order.

        Args:
            scores: One per candidate. None is no score: those candidates go below the others
                in their current order, and the result is only an order, since nothing may
                invent a score for them.
            scale: ``raw`` or ``probability``.
            by: Name of the stage, for the trail.
            notes: One per candidate, for the trail.

        Raises:
            ScoreError: The wrong number of scores, NaN, or an infinity.
        """
        if len(scores) != len(self):
            raise ScoreError(f"{by!r} returned {len(scores)} scores for {len(self)} candidates")
        plain: list[float | None] = []
        for c, s in zip(self.candidates, scores, strict=True):
            if s is not None and not math.isfinite(s):
                raise ScoreError(
                    f"{by!r} returned {s} for candidate {c.id!r} of the query {self.query!r}; "
                    "a score must be a finite number"
                )
            plain.append(None if s is None else float(s))  # numpy's floats do not serialise
        order = sorted(range(len(plain)), key=lambda i: _worst_last(plain[i]))
        if None not in plain:
            return self._sorted(order, plain, scale, by, notes)
        missing = plain.count(None) - sum("unscored" in note for note in notes or ())
        message = f"no score for {missing} of {len(self)} candidates"
        ranking = self.with_event(by, "missing", message) if missing else self
        return ranking._sorted(order, plain, scale, by, notes)

    def reordered(
        self, order: Sequence[int], by: str, notes: Sequence[Note] | None = None
    ) -> Ranking:
        """Apply a permutation. The old scores no longer explain the order, so they go.

        Args:
            order: Current indices, best first.
            by: Name of the stage, for the trail.
            notes: One per candidate, in the current order, for the trail.

        Raises:
            OrderError: `order` is not a permutation of ``range(len(self))``.
        """
        if sorted(order) != list(range(len(self))):
            raise OrderError(
                f"{by!r} returned {list(order)!r}, not a permutation of 0..{len(self) - 1}"
            )
        return self._sorted(order, [None] * len(self), "order", by, notes)

    def head(self, k: int) -> Ranking:
        """The first k candidates."""
        return replace(self, candidates=self.candidates[:k])

    def with_event(self, stage: str, kind: EventKind, message: str) -> Ranking:
        """The same ranking with one more event."""
        return replace(self, events=(*self.events, Event(stage, kind, message)))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: ``query``, ``scale``, ``status``, ``events`` (``stage``, ``kind``,
        ``message``) and ``candidates`` (``id``, ``text``, ``metadata`` and the keys of
        `candidate_details`)."""
        return ranking_details(self.query, self.candidates, self.scale, self.status, self.events)

    def to_pandas(self) -> DataFrame:
        """A DataFrame with a row for each candidate, best first, and the keys of `to_dict`.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return ranking_frame(self.to_dict())

    def __repr__(self) -> str:
        from secondpass.core.ranking_display import ranking_line

        return ranking_line(self.query, self.candidates, self.scale, len(self.events))

    def __str__(self) -> str:
        """A short table of the best candidates."""
        from secondpass.core.ranking_display import ranking_text

        return ranking_text(self.query, self.candidates, self.scale, self.events)

    def _repr_html_(self) -> str:
        """A table in notebooks."""
        from secondpass.core.ranking_display import ranking_html

        return ranking_html(self.query, self.candidates, self.scale, self.events)

    def _sorted(
        self,
        order: Sequence[int],
        scores: Sequence[float | None],
        scale: Scale,
        by: str,
        notes: Sequence[Note] | None,
    ) -> Ranking:
        candidates, whole = [], None not in scores
        for rank, i in enumerate(order):
            c, s = self.candidates[i], scores[i]
            mark = Mark(by, rank, s, notes[i] if notes is not None else Note(), scale)
            candidates.append(c.marked(s if whole else None, mark))
        return replace(self, candidates=tuple(candidates), scale=scale if whole else "order")

    @overload
    def __getitem__(self, index: int) -> Candidate: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Candidate, ...]: ...
    def __getitem__(self, index: int | slice) -> Candidate | tuple[Candidate, ...]:
        return self.candidates[index]

    def __len__(self) -> int:
        return len(self.candidates)

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self.candidates)


def _worst_last(score: float | None) -> float:
    return math.inf if score is None else -score
