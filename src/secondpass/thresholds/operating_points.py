"""What a threshold does to labelled queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secondpass.core.printing import short_repr

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is kept, per query. The query is the sample: each counts once, long list or short.

    Attributes:
        precision: Mean share of relevant ones among what is kept, over the queries for which
            something is; None if nothing ever is.
        recall: Mean share of the relevant candidates that are kept, over the queries that have any.
        precision_error: Standard error of `precision`; None below two queries.
        recall_error: Standard error of `recall`; None below two queries.
        kept: Mean number of candidates kept.
        tokens: Mean number of tokens kept.
        empty: Share of queries for which nothing is kept.
    """

    precision: float | None
    recall: float
    precision_error: float | None
    recall_error: float | None
    kept: float
    tokens: float
    empty: float

    def f(self, beta: float = 1.0) -> float:
        """F of precision and recall: beta above 1 favours recall. 0 where nothing is kept."""
        p, r = self.precision or 0.0, self.recall
        return (1 + beta**2) * p * r / (beta**2 * p + r) if p and r else 0.0


@short_repr
@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A threshold and what it does."""

    threshold: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ThresholdCounts:
    """What each threshold keeps of each query.

    Attributes:
        thresholds: Rising, length t.
        kept: Candidates kept, shape (q, t).
        hits: Relevant ones among them, shape (q, t).
        tokens: Tokens kept, shape (q, t).
        relevant: Relevant candidates of each query, also those lost before, shape (q,).
    """

    thresholds: tuple[float, ...]
    kept: Matrix
    hits: Matrix
    tokens: Matrix
    relevant: Matrix

    @classmethod
    def of(
        cls,
        thresholds: Sequence[float],
        scores: Sequence[Sequence[float]],
        labels: Sequence[Sequence[bool]],
        sizes: Sequence[Sequence[int]],
        relevant: Sequence[int],
    ) -> ThresholdCounts:
        """Count, for each query, the candidates with a score of at least each threshold.

        Args:
            thresholds: Rising.
            scores: Of each query, best first.
            labels: Whether each is relevant.
            sizes: Tokens of each.
            relevant: Number of relevant candidates of each query.
        """
        import numpy as np

        shape = len(scores), len(thresholds)
        kept, hits, tokens = (np.zeros(shape) for _ in range(3))
        for q, (falling, y, size) in enumerate(zip(scores, labels, sizes, strict=True)):
            rising = np.asarray(falling, dtype=np.float64)[::-1]
            number = len(rising) - np.searchsorted(rising, thresholds, side="left")
            kept[q] = number
            hits[q] = np.cumsum([0, *y])[number]
            tokens[q] = np.cumsum([0, *size])[number]
        return cls(tuple(thresholds), kept, hits, tokens, np.asarray(relevant, dtype=np.float64))

    def curve(self, queries: Sequence[int]) -> list[CurvePoint]:
        """What each threshold does to these queries; some of them have relevant candidates."""
        import numpy as np

        chosen = np.asarray(queries)
        outcomes = _outcomes(
            self.kept[chosen], self.hits[chosen], self.tokens[chosen], self.relevant[chosen]
        )
        return [CurvePoint(t, o) for t, o in zip(self.thresholds, outcomes, strict=True)]

    def outcome_at(self, pairs: Iterable[tuple[int, int]]) -> Outcome:
        """What happens to these queries, each with a threshold of its own.

        Args:
            pairs: Indices of a query and its threshold.
        """
        import numpy as np

        q, t = np.array(list(pairs)).T
        (outcome,) = _outcomes(
            self.kept[q, t][:, None],
            self.hits[q, t][:, None],
            self.tokens[q, t][:, None],
            self.relevant[q],
        )
        return outcome


def _outcomes(kept: Matrix, hits: Matrix, tokens: Matrix, relevant: Matrix) -> list[Outcome]:
    import numpy as np

    answerable = relevant > 0
    precision, precision_error = _means(hits / np.maximum(kept, 1), kept > 0)
    shares = hits[answerable] / relevant[answerable][:, None]
    recall, recall_error = _means(shares, np.ones_like(shares, dtype=bool))
    columns = zip(
        precision, recall, precision_error, recall_error,
        kept.mean(axis=0).tolist(), tokens.mean(axis=0).tolist(),
        (kept == 0).mean(axis=0).tolist(),
        strict=True,
    )  # fmt: skip
    return [
        Outcome(
            precision=p, recall=r or 0.0, precision_error=pe, recall_error=re, kept=k, tokens=n,
            empty=e,
        )
        for p, r, pe, re, k, n, e in columns
    ]  # fmt: skip


def _means(
    values: Matrix, counted: npt.NDArray[np.bool_]
) -> tuple[list[float | None], list[float | None]]:
    """Mean of each column over what is counted, and its standard error."""
    import numpy as np

    n = counted.sum(axis=0)
    mean = (values * counted).sum(axis=0) / np.maximum(n, 1)
    spread = (((values - mean) ** 2) * counted).sum(axis=0)
    error = np.sqrt(spread / np.maximum(n - 1, 1) / np.maximum(n, 1))
    return (
        [float(m) if k else None for m, k in zip(mean, n, strict=True)],
        [float(e) if k > 1 else None for e, k in zip(error, n, strict=True)],
    )
