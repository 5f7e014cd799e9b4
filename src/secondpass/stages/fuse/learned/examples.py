"""Labelled rows, query by query: what models are fitted on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secondpass.calibrate.calibration_data import pooled
from secondpass.calibrate.cross_validation import folds_by_query

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Examples:
    """One entry a query.

    Attributes:
        queries: Their texts.
        rows: Of each candidate its features.
        labels: Whether each candidate is relevant.
    """

    queries: tuple[str, ...]
    rows: tuple[Sequence[Sequence[float]], ...]
    labels: tuple[Sequence[bool], ...]

    @property
    def x(self) -> Floats:
        """All rows, shape (n, features)."""
        import numpy as np

        return np.array(pooled(self.rows), dtype=np.float64)

    @property
    def y(self) -> Floats:
        """All labels, 0. or 1., shape (n,)."""
        import numpy as np

        return np.array(pooled(self.labels), dtype=np.float64)

    def at(self, places: Iterable[int]) -> Examples:
        """The queries at these places only."""
        chosen = list(places)
        return Examples(
            tuple(self.queries[i] for i in chosen),
            tuple(self.rows[i] for i in chosen),
            tuple(self.labels[i] for i in chosen),
        )

    def splits(self, folds: int, seed: int) -> list[tuple[Examples, Examples]]:
        """For each fold the other queries and its own."""
        parts = folds_by_query(self.queries, [any(y) for y in self.labels], folds, seed)
        everything = range(len(self.queries))
        return [(self.at(sorted({*everything} - {*own})), self.at(own)) for own in parts]
