"""Every way in which one threshold can cut the judged rankings, and what each of them loses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from secondpass.calibrate import JudgedQuery
from secondpass.core.errors import InvalidInputError
from secondpass.core.ranking import Ranking
from secondpass.thresholds.guarantee.risk import KeptAndDropped, Risk

if TYPE_CHECKING:
    import numpy.typing as npt

    from secondpass.thresholds.guarantee.risk import Floats

    Integers = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class ThresholdGrid:
    """The judged candidates by score. Cut j keeps what scores ``scores[j]`` or more.

    There are m distinct scores, so m cuts that keep something; cut m keeps nothing. Each step
    from one cut to the next drops candidates of a few queries; a drop is what one query loses
    at once.

    Attributes:
        scores: Distinct scores, ascending, shape (m,).
        cut: The last cut before each drop, shape (drops,), ascending within a query.
        query: Number of the query of each drop, ascending, shape (drops,).
        dropped: Number of relevant candidates it drops, and of others, shape (2, drops).
        incoming: Number of relevant candidates of each query and of others, before the pipeline,
            shape (2, n).
    """

    scores: Floats
    cut: Integers
    query: Integers
    dropped: Floats
    incoming: Floats

    @classmethod
    def of(cls, judged: Sequence[JudgedQuery], rankings: Sequence[Ranking]) -> ThresholdGrid:
        """The cuts of the rankings that a pipeline returned for the judged ones."""
        scores, score_index = np.unique(
            np.array([s for r in rankings if len(r) for s in r.scores]), return_inverse=True
        )
        relevant = np.array(
            [c.id in j.relevant for j, r in zip(judged, rankings, strict=True) for c in r]
        )
        query = np.repeat(np.arange(len(judged)), [len(r) for r in rankings])
        drops, which = np.unique(query * len(scores) + score_index, return_inverse=True)
        sizes = np.array([len(j.ranking) for j in judged], dtype=np.float64)
        relevant_in = np.array([len(j.relevant) for j in judged], dtype=np.float64)
        return cls(
            scores,
            drops % len(scores),
            drops // len(scores),
            np.stack([np.bincount(which, y, len(drops)) for y in (relevant, ~relevant)]),
            np.stack([relevant_in, sizes - relevant_in]),
        )

    @property
    def queries(self) -> int:
        """Number of judged queries, n."""
        return int(self.incoming.shape[1])

    def kept(self, cut: int) -> float:
        """Mean number of candidates that a cut keeps of a query."""
        return float(self.dropped[:, self.cut >= cut].sum()) / self.queries

    def losses(self, risk: Risk) -> Losses:
        """What each cut loses, query by query.

        Raises:
            InvalidInputError: The loss is not what the risk says of it.
        """
        by_query = [np.bincount(self.query, d, self.queries) for d in self.dropped]
        returned: Floats = np.stack(by_query).astype(np.float64)
        gone = np.cumsum(self.dropped, axis=1)
        before = np.concatenate([np.zeros((2, 1)), np.cumsum(returned, axis=1)[:, :-1]], axis=1)
        kept = (returned + before)[:, self.query] - gone
        return Losses.of(
            risk,
            _counts(returned, self.incoming),
            _counts(kept, self.incoming[:, self.query]),
            query=self.query,
            cut=self.cut,
            m=len(self.scores),
        )


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
        start, then = _checked_losses(risk, first), _checked_losses(risk, after)
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
        losses = np.zeros((len(cuts), len(self.start)))
        np.add.at(losses, (first[reached], self.query[reached]), self.change[reached])
        np.cumsum(losses, axis=0, out=losses)
        losses += self.start
        return np.clip(losses, 0, 1, out=losses)


def _counts(kept: Floats, incoming: Floats) -> KeptAndDropped:
    return KeptAndDropped(kept[0], incoming[0] - kept[0], kept[1], incoming[1] - kept[1])


def _checked_losses(risk: Risk, counts: KeptAndDropped) -> Floats:
    losses = np.asarray(risk.loss(counts), dtype=np.float64)
    problem = ""
    if losses.shape != counts.relevant_kept.shape:
        problem = f"has the shape {losses.shape}, not {counts.relevant_kept.shape} as its counts"
    elif not ((losses >= 0) & (losses <= 1)).all():  # NaN fails too
        problem = "leaves [0, 1]"
    elif risk.binary and not ((losses == 0) | (losses == 1)).all():
        problem = "is not always 0 or 1, so binary=True is wrong"
    if problem:
        raise InvalidInputError(f"the loss of {risk.name!r} {problem}")
    return losses
