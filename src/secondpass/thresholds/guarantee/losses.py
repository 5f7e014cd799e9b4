"""The losses of every cut, kept as changes, since a cut changes few queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from secondpass.core.errors import InvalidInputError
from secondpass.thresholds.guarantee.risk import KeptAndDropped, Risk

if TYPE_CHECKING:
    import numpy.typing as npt

    from secondpass.thresholds.guarantee.risk import Floats

    Integers = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Losses:
    """Losses of n queries under each of m + 1 cuts, of which cut 0 keeps most.

    Attributes:
        start: Losses under cut 0, shape (n,).
        query: Which query each change is of, shape (changes,).
        cut: The last cut before it, shape (changes,).
        change: By how much its loss grows there, shape (changes,).
        means: Mean loss under each cut, shape (m + 1,).
        changed: Whether a cut loses anything else than the one before, shape (m + 1,).
    """

    start: Floats
    query: Integers
    cut: Integers
    change: Floats
    means: Floats
    changed: npt.NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        risk: Risk,
        first: KeptAndDropped,
        after: KeptAndDropped,
        *,
        query: Integers,
        cut: Integers,
        m: int,
    ) -> Losses:
        """From the counts under cut 0, and those of one query after each of its drops.

        Raises:
            InvalidInputError: The loss is not what the risk says of it.
        """
        start, then = _checked(risk, first), _checked(risk, after)
        before = np.concatenate([[0.0], then[:-1]])
        opens = np.diff(query, prepend=-1) != 0
        before[opens] = start[query[opens]]
        change = then - before
        if risk.monotone and (change * (1 if risk.safe == "keep" else -1) < -1e-9).any():
            raise InvalidInputError(
                f"the loss of {risk.name!r} falls on the way from its safe end, so monotone=True "
                "is wrong"
            )
        steps = np.bincount(cut, change, m)
        means = (start.sum() + np.concatenate([[0.0], np.cumsum(steps)])) / len(start)
        some = np.abs(change) > 1e-12
        changed = np.concatenate([[True], np.bincount(cut[some], minlength=m) > 0])
        return cls(start, query[some], cut[some], change[some], np.clip(means, 0, 1), changed)

    def rows(self, cuts: Sequence[int]) -> Floats:
        """Losses under some cuts, given in ascending order, shape (cuts, n)."""
        first = np.searchsorted(cuts, self.cut, side="right")
        reached = first < len(cuts)
        found = np.zeros((len(cuts), len(self.start)))
        np.add.at(found, (first[reached], self.query[reached]), self.change[reached])
        np.cumsum(found, axis=0, out=found)
        found += self.start
        return np.clip(found, 0, 1, out=found)


def _checked(risk: Risk, counts: KeptAndDropped) -> Floats:
    found = np.asarray(risk.loss(counts), dtype=np.float64)
    problem = ""
    if found.shape != counts.relevant_kept.shape:
        problem = f"has the shape {found.shape}, not {counts.relevant_kept.shape} as its counts"
    elif not ((found >= 0) & (found <= 1)).all():  # NaN fails too
        problem = "leaves [0, 1]"
    elif risk.binary and not ((found == 0) | (found == 1)).all():
        problem = "is not always 0 or 1, so binary=True is wrong"
    if problem:
        raise InvalidInputError(f"the loss of {risk.name!r} {problem}")
    return found
