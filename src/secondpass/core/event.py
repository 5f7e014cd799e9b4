"""What happened to a ranking on its way."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a whole ranking: a fallback, a cut, a missing field.

    Attributes:
        stage: Name of the stage that says so.
        kind: One word to filter by, such as ``dropped`` or ``kept-below-threshold``.
        message: One sentence for people.
    """

    stage: str
    kind: str
    message: str
