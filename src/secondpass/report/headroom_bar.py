"""Where the metric stands between nothing and perfect, as segments of a bar."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.evaluate import Headroom


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of the bar: its kind for the style, what it is, and how long."""

    kind: str
    label: str
    length: float


def room_bar(room: Headroom, reached: float) -> tuple[Segment, ...]:
    """Segments from 0 to at most 1, empty ones left out.

    None at all where a contender passes the best order of the candidates, because it brought
    others: the bar would lie.
    """
    if reached > room.ideal + 1e-9:
        return ()
    helps = reached >= room.current
    moved = "gained by reranking" if helps else "lost by reranking"
    top = max(reached, room.current)
    segments = (
        Segment("reached", "first stage" if helps else "left", min(reached, room.current)),
        Segment("gain" if helps else "loss", moved, abs(reached - room.current)),
        Segment("order", "left to a better order", max(0.0, room.ideal - top)),
        Segment("retriever", "not among the candidates", max(0.0, room.perfect - room.ideal)),
    )
    return tuple(s for s in segments if s.length >= 0.0005)
