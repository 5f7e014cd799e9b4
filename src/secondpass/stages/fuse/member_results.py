"""What several stages said of the same candidates, each on its own copy of one ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from secondpass.core.candidate import Candidate, Mark
from secondpass.core.event import Event
from secondpass.core.ranking import Ranking


def scores_heard(said: Ranking) -> dict[str, float]:
    """Scores by id, best first; without the candidates that a stage cut or had no opinion on."""
    heard = {c.id: c.trail[-1].score if said.scale == "order" else c.score for c in said if c.trail}
    return {id: s for id, s in heard.items() if s is not None}


def ids_heard(said: Ranking) -> list[str]:
    """Ids in a stage's order, without those that it had no opinion on where it had on others."""
    some = any(c.trail and c.trail[-1].score is not None for c in said)
    if said.scale != "order" or not some:
        return said.ids
    return [c.id for c in said if c.trail and c.trail[-1].score is not None]


def with_trails(ranking: Ranking, said: Sequence[Ranking]) -> Ranking:
    """The ranking as it came in, with the marks and events of all who saw it; an order."""
    new: dict[str, list[Mark]] = {c.id: [] for c in ranking}
    before = {c.id: len(c.trail) for c in ranking}
    for s in said:
        for c in s:
            new[c.id].extend(c.trail[before[c.id] :])
    told: tuple[Candidate, ...] = tuple(
        replace(c, score=None, trail=(*c.trail, *new[c.id])) for c in ranking
    )
    old = len(ranking.events)
    events: tuple[Event, ...] = (*ranking.events, *(e for s in said for e in s.events[old:]))
    return replace(ranking, candidates=told, scale="order", events=events)
