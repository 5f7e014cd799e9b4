"""Whether scores may stand in a ranking."""

from __future__ import annotations

import math
from collections.abc import Iterable

from secondpass.core.candidate import Candidate
from secondpass.core.errors import ScoreError


def check_scores(candidates: Iterable[Candidate], scale: str) -> None:
    """Every candidate has a finite score, on its scale, and none scores more than those above it.

    Raises:
        ScoreError: One does not; names it.
    """
    before = math.inf
    for c in candidates:
        if c.score is None or not math.isfinite(c.score):
            raise ScoreError(f"candidate {c.id!r} has the score {c.score}; it must be finite")
        if c.score > before:
            raise ScoreError(
                f"candidate {c.id!r} scores {c.score}, more than the {before} above it; "
                "the order of a ranking must agree with its scores"
            )
        before = c.score
        if scale == "probability" and not 0 <= c.score <= 1:
            raise ScoreError(f"candidate {c.id!r} has the probability {c.score}")
