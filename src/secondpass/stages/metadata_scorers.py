"""Scorers that read a candidate's metadata or trail instead of its text.

Where a field is missing they give no score (None), unless `missing` is set; `Fuse` has a policy for
missing scores.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError


class Recency:
    """Newer is better: 0.5 ** (age / half_life), in (0, 1].

    Args:
        field: Metadata field with a date, a datetime, an ISO 8601 string, or seconds since 1970.
            A time without a zone is UTC; a time after `now` counts as `now`.
        half_life: Age at which a document is worth half.
        now: Reference time; the moment of the call if None.
        missing: Score where the field is absent or None; None gives no score.

    Raises:
        InvalidInputError: half_life is not positive; (when run) a value that is not a date.
    """

    def __init__(
        self,
        field: str,
        half_life: timedelta,
        now: datetime | None = None,
        missing: float | None = None,
    ) -> None:
        if half_life <= timedelta(0):
            raise InvalidInputError(f"half_life={half_life!r} must be positive")
        self.field, self.half_life, self.now, self.missing = field, half_life, now, missing
        self.name = f"recency:{field}/{half_life.total_seconds() / 86400:g}d"

    def score_candidates(self, query: str, candidates: Sequence[Candidate]) -> list[float | None]:
        """One score in (0, 1] per candidate, or None."""
        now = as_utc(self.now) if self.now is not None else datetime.now(UTC)
        return [self._score(c, now) for c in candidates]

    def _score(self, candidate: Candidate, now: datetime) -> float | None:
        value = candidate.metadata.get(self.field)
        if value is None:
            return self.missing
        age = max(timedelta(0), now - parse_date(value, self.field, candidate.id))
        return float(0.5 ** (age / self.half_life))


class FieldWeight:
    """A weight for each value of a field, such as {"official": 1.0, "forum": 0.2}.

    Args:
        field: Name of the metadata field.
        weights: What each of its values is worth.
        missing: Score of any other value, or of no value; None gives no score.
    """

    def __init__(
        self, field: str, weights: Mapping[str, float], missing: float | None = None
    ) -> None:
        if not weights:
            raise InvalidInputError(f"no weights for the field {field!r}; give at least one value")
        self.field, self.weights, self.missing = field, dict(weights), missing
        self.name = f"field:{field}"

    def score_candidates(self, query: str, candidates: Sequence[Candidate]) -> list[float | None]:
        """One weight per candidate, or None."""
        return [self._score(c.metadata.get(self.field)) for c in candidates]

    def _score(self, value: Any) -> float | None:
        has_weight = isinstance(value, Hashable) and value in self.weights
        return self.weights[value] if has_weight else self.missing


class FunctionScorer:
    """Any function of a query and a candidate.

    Args:
        function: Returns a float, or None for no score.
        name: For the trail; the function's own name if None.
    """

    def __init__(
        self, function: Callable[[str, Candidate], float | None], name: str | None = None
    ) -> None:
        self.function = function
        self.name = name or f"custom:{getattr(function, '__name__', type(function).__name__)}"

    def score_candidates(self, query: str, candidates: Sequence[Candidate]) -> list[float | None]:
        """The function's value for each candidate."""
        return [self.function(query, c) for c in candidates]


class TrailScore:
    """A score that an earlier stage gave, such as the retriever's, read from the trail.

    Args:
        stage: Name of that stage; "retriever" is where `Ranking.of` keeps incoming scores.
    """

    def __init__(self, stage: str = "retriever") -> None:
        self.stage = stage
        self.name = f"trail:{stage}"

    def score_candidates(self, query: str, candidates: Sequence[Candidate]) -> list[float | None]:
        """The newest score of that stage for each candidate, or None."""
        return [
            next((m.score for m in reversed(c.trail) if m.stage == self.stage), None)
            for c in candidates
        ]


def parse_date(value: Any, field: str, id: str) -> datetime:
    """A date in any form that `Recency` takes, in UTC."""
    try:
        if isinstance(value, str):
            return as_utc(datetime.fromisoformat(value))
        if isinstance(value, datetime):
            return as_utc(value)
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise InvalidInputError(
        f"candidate {id!r} has {field}={value!r}, which is not a date; "
        "use a date, an ISO 8601 string or seconds since 1970"
    )


def as_utc(time: datetime) -> datetime:
    """The same time in UTC; without a zone it is taken as UTC."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
