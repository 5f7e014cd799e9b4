"""An order out of scores, for libraries that return those."""

from __future__ import annotations

from collections.abc import Sequence


def best_first(scores: Sequence[float]) -> list[int]:
    """Places, highest score first; ties keep the incoming order."""
    return sorted(range(len(scores)), key=lambda i: -scores[i])
