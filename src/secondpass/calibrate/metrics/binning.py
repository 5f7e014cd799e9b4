"""Probabilities with their labels: checked, and dealt into bins of equal mass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from secondpass.core.errors import InvalidInputError


class Bin(NamedTuple):
    """Neighbouring probabilities and their labels, both of one length, never empty.

    A bin's border may split a tie. Each of the tied then counts with their mean label, since any
    order among them would be arbitrary; so labels are numbers in [0, 1].
    """

    probabilities: tuple[float, ...]
    labels: tuple[float, ...]

    @property
    def predicted(self) -> float:
        """Mean probability."""
        return sum(self.probabilities) / len(self.probabilities)

    @property
    def observed(self) -> float:
        """Share of relevant pairs."""
        return sum(self.labels) / len(self.labels)


def binned(
    probabilities: Sequence[float], labels: Sequence[bool | int], bins: int = 15
) -> list[Bin]:
    """Bins of as equal a number of pairs as can be, lowest probabilities first.

    Args:
        probabilities: P(relevant), length n.
        labels: 0 or 1, length n.
        bins: Number of bins; n where there are fewer pairs than bins.

    Raises:
        InvalidInputError: No bin, nothing to measure, lengths that differ, or numbers outside
            [0, 1].
    """
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 1:
        raise InvalidInputError(f"bins={bins!r}: give a whole number, 1 or more")
    p, y = checked_pairs(probabilities, labels)
    tied: dict[float, list[int]] = {}
    for probability, label in zip(p, y, strict=True):
        tied.setdefault(probability, []).append(label)
    pairs = [(q, sum(seen) / len(seen)) for q, seen in sorted(tied.items()) for _ in seen]
    n = len(pairs)
    parts = (pairs[i * n // bins : (i + 1) * n // bins] for i in range(bins))
    return [Bin(tuple(q for q, _ in part), tuple(o for _, o in part)) for part in parts if part]


def checked_pairs(
    probabilities: Sequence[float], labels: Sequence[bool | int]
) -> tuple[list[float], list[int]]:
    """Both as plain numbers.

    Raises:
        InvalidInputError: Nothing to measure, lengths that differ, or numbers outside [0, 1].
    """
    if len(probabilities) != len(labels) or not len(labels):
        raise InvalidInputError(
            f"{len(probabilities)} probabilities and {len(labels)} labels; give one label for each"
        )
    if not all(0 <= p <= 1 for p in probabilities) or not all(y in (0, 1) for y in labels):
        raise InvalidInputError("probabilities must be in [0, 1] and labels 0 or 1")
    return [float(p) for p in probabilities], [int(y) for y in labels]
