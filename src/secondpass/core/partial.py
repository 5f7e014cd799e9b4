"""Rankings of which a part was not scored in time.

Such a candidate has the note ``unscored`` on its last mark, and stands below those that were
scored. Later stages work on the scored ones, since only they have scores to work on; the late ones
follow in the order in which they came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from secondpass.core.candidate import Candidate
from secondpass.core.ranking import Ranking


@dataclass(frozen=True, slots=True)
class Partial:
    """A ranking in two parts.

    Attributes:
        scored: What later stages work on.
        late: The candidates that were not scored in time.
    """

    scored: Ranking
    late: tuple[Candidate, ...] = ()

    @classmethod
    def of(cls, ranking: Ranking, late: Sequence[Candidate] = ()) -> Partial:
        """Take the late ones out of a stage's result.

        Args:
            ranking: What the stage made.
            late: Those that were late before it.
        """
        now = tuple(c for c in ranking if c.trail and c.trail[-1].note.get("unscored"))
        if not now:
            return cls(ranking, tuple(late))
        gone = {c.id for c in now}
        scored = [c for c in ranking if c.id not in gone]
        if all(c.trail[-1].score is not None for c in scored):
            again = tuple(replace(c, score=c.trail[-1].score) for c in scored)
            scale = (scored[0].trail[-1].scale if scored else None) or "raw"
            return cls(replace(ranking, candidates=again, scale=scale), (*now, *late))
        return cls(replace(ranking, candidates=tuple(scored)), (*now, *late))

    def joined(self) -> Ranking:
        """All candidates; an order if some are late."""
        if not self.late:
            return self.scored
        whole = tuple(replace(c, score=None) for c in (*self.scored, *self.late))
        return replace(self.scored, candidates=whole, scale="order")

    def cut_to(self, kept: Ranking) -> Partial:
        """The two parts of what a stage kept of `joined()`, with that stage's events."""
        ids = set(kept.ids)
        scored = tuple(c for c in self.scored if c.id in ids)
        late = tuple(c for c in self.late if c.id in ids)
        return Partial(replace(self.scored, candidates=scored, events=kept.events), late)
