"""Labelled queries as what a fusion is learned from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secondpass.calibrate.calibration_data import pooled
from secondpass.calibrate.cross_validation import folds_by_query
from secondpass.core.errors import CalibrationError
from secondpass.core.judged import JudgedQuery, judged_list
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage
from secondpass.stages.fuse.learned.features import FeatureOptions, Features

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

FEWEST = {"logistic": 10, "lambdamart": 50}
"""Queries with a relevant and another candidate, below which a fit is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionData:
    """Labelled queries with candidates, after one run of each member.

    Attributes:
        members: Their names.
        rankings: What came in, one per query.
        results: For each query what each member made of it.
        labels: For each query whether each candidate is relevant.
        without_candidates: Number of queries that were left out since they have none.
    """

    members: list[str]
    rankings: list[Ranking]
    results: list[list[Ranking]]
    labels: list[list[bool]]
    without_candidates: int

    @classmethod
    def collect(
        cls, members: Sequence[Stage], judged: Iterable[JudgedQuery], method: str
    ) -> FusionData:
        """Run the members over the labelled queries.

        Raises:
            CalibrationError: Too few queries for the method.
        """
        every = judged_list(judged)
        used = [j for j in every if len(j.ranking)]
        labels = [[c.id in j.relevant for c in j.ranking] for j in used]
        _check_enough(method, labels)
        rankings = [j.ranking for j in used]
        by_member = [member.run(rankings) for member in members]
        return cls(
            members=[member.name for member in members],
            rankings=rankings,
            results=[list(results) for results in zip(*by_member, strict=True)],
            labels=labels,
            without_candidates=len(every) - len(used),
        )

    def select(self, indices: Iterable[int]) -> FusionData:
        """These queries only."""
        chosen = list(indices)
        return FusionData(
            members=self.members,
            rankings=[self.rankings[i] for i in chosen],
            results=[self.results[i] for i in chosen],
            labels=[self.labels[i] for i in chosen],
            without_candidates=0,
        )

    def fit_features(self, options: FeatureOptions) -> tuple[Features, list[str]]:
        """Features for these queries, and notes for the user."""
        return Features.fit(self.members, self.rankings, self.results, options)

    def examples(self, features: Features) -> Examples:
        """A row for each candidate, with its label."""
        rows = [features.rows(r, each) for r, each in zip(self.rankings, self.results, strict=True)]
        return Examples(tuple(r.query for r in self.rankings), tuple(rows), tuple(self.labels))


def _check_enough(method: str, labels: Sequence[Sequence[bool]]) -> None:
    usable, least = sum(0 < sum(y) < len(y) for y in labels), FEWEST[method]
    if usable < least:
        others = f', or use "logistic", which needs {FEWEST["logistic"]}'
        raise CalibrationError(
            f"{usable} labelled queries with a relevant and another candidate are too few to learn "
            f"a fusion from; {method} needs {least}. Label more"
            f"{others if method == 'lambdamart' and usable >= FEWEST['logistic'] else ''}, or use "
            "fixed weights, which need none: Fuse(*members)"
        )


@dataclass(frozen=True, slots=True)
class Examples:
    """Labelled rows, one entry per query.

    Attributes:
        queries: Their texts.
        rows: The features of each candidate.
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

    def select(self, indices: Iterable[int]) -> Examples:
        """These queries only."""
        chosen = list(indices)
        return Examples(
            tuple(self.queries[i] for i in chosen),
            tuple(self.rows[i] for i in chosen),
            tuple(self.labels[i] for i in chosen),
        )

    def splits(self, folds: int, seed: int) -> list[tuple[Examples, Examples]]:
        """For each fold the other queries and its own."""
        parts = folds_by_query(self.queries, [any(y) for y in self.labels], folds, seed)
        indices = {*range(len(self.queries))}
        return [(self.select(sorted(indices - {*part})), self.select(part)) for part in parts]
