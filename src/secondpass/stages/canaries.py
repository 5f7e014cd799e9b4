"""A few pairs whose scores are known: scored again, they say whether the model underneath changed.

A distribution drifts with the questions too; the same pairs can only change with the model.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from secondpass.core.errors import InvalidInputError
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage


@dataclass(frozen=True, slots=True)
class CanaryShift:
    """What `ScoreCanaries.scored_again` measured.

    Attributes:
        pairs: Number of pairs that have a score now.
        lost: Number of pairs that have none, for instance since the server did not answer.
        median: Median of the scores now less those kept.
        largest: The shift that is largest in absolute value.
        tolerance: The absolute value up to which a shift is none.
    """

    pairs: int
    lost: int
    median: float
    largest: float
    tolerance: float

    @property
    def changed(self) -> bool:
        """Whether a score has shifted by more than the tolerance, or none is there."""
        return not self.pairs or abs(self.largest) > self.tolerance

    def __str__(self) -> str:
        if not self.pairs:
            return f"none of {self.lost} canary pairs was scored"
        lost = f" ({self.lost} more were not scored)" if self.lost else ""
        known = f"{self.pairs} canary pairs{lost}"
        if not self.changed:
            return f"the scores of {known} are what they were, within {self.tolerance:g}"
        return (
            f"the scores of {known} have shifted by {self.median:+.3g} (median) and up to "
            f"{self.largest:+.3g}, more than {self.tolerance:g}: the model has changed underneath"
        )


@dataclass(frozen=True, slots=True)
class ScoreCanaries:
    """Pairs of a query and a text with the scores that they had, kept in the recipe.

    Args:
        queries: One for each pair.
        texts: Likewise. They stand in the recipe, so take some that everybody may read.
        scores: Likewise.
        tolerance: The absolute value up to which a shift is none.

    Raises:
        InvalidInputError: No pair, another number of texts or scores, or a negative tolerance.
    """

    queries: tuple[str, ...]
    texts: tuple[str, ...]
    scores: tuple[float, ...]
    tolerance: float

    def __post_init__(self) -> None:
        if not len(self.queries) == len(self.texts) == len(self.scores) > 0:
            raise InvalidInputError(
                f"canaries need one text and one score for each query, and at least one; got "
                f"{len(self.queries)} queries, {len(self.texts)} texts, {len(self.scores)} scores"
            )
        if not self.tolerance >= 0:
            raise InvalidInputError(f"tolerance={self.tolerance!r} must not be negative")

    @classmethod
    def of(
        cls, rankings: Iterable[Ranking], size: int = 20, *, tolerance: float | None = None
    ) -> ScoreCanaries:
        """Take pairs from scored rankings, from the lowest score to the highest.

        Args:
            rankings: Such as those that a calibrator was fitted on.
            size: How many pairs; more cost more whenever they are scored again.
            tolerance: See `ScoreCanaries`. None: a fiftieth of the range of the scores, since
                hosted models repeat their scores nearly, not exactly.

        Raises:
            InvalidInputError: Fewer than two scores in all, or all of them equal.
        """
        found = {
            (r.query, c.text): float(c.score)
            for r in rankings
            if r.scale != "order"
            for c in r
            if c.score is not None
        }
        rows = sorted((score, query, text) for (query, text), score in found.items())
        if len(rows) < 2 or rows[0][0] == rows[-1][0] or size < 2:
            raise InvalidInputError(
                f"canaries need two different scores at least; got {len(rows)} pairs, size={size}"
            )
        size = min(size, len(rows))
        chosen = [rows[i * (len(rows) - 1) // (size - 1)] for i in range(size)]
        scores, queries, texts = zip(*chosen, strict=True)
        if tolerance is None:
            tolerance = (rows[-1][0] - rows[0][0]) / 50
        return cls(queries, texts, scores, tolerance)

    def scored_again(self, stage: Stage) -> CanaryShift:
        """Score the pairs with a stage, and compare.

        Args:
            stage: The one that gave the scores, without a cache, which would give them back.

        Raises:
            SecondPassError: What the stage raises.
        """
        rankings = [
            Ranking.of(query, [text]) for query, text in zip(self.queries, self.texts, strict=True)
        ]  # one text each, so that no stage can cut or order
        now = [r[0].score if len(r) and r.scale != "order" else None for r in stage.run(rankings)]
        shifts = [new - old for new, old in zip(now, self.scores, strict=True) if new is not None]
        return CanaryShift(
            len(shifts),
            len(now) - len(shifts),
            statistics.median(shifts) if shifts else 0.0,
            max(shifts, key=abs) if shifts else 0.0,
            self.tolerance,
        )
