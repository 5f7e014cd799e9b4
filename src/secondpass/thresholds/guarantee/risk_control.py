"""Which cuts are safe: conformal risk control, or learn-then-test.

**In expectation** (no confidence): conformal risk control, Angelopoulos, Bates, Fisch, Lei &
Schuster 2022 (arXiv 2208.02814). With n judged queries and a monotone loss, the last cut whose
mean loss with one more loss of 1 is at most the level, (n mean + 1) / (n + 1) <= level, has an
expected loss on the next query of at most the level. A refusal counts as no loss.

**With confidence**: learn-then-test, Angelopoulos, Bates, Candès, Jordan & Lei 2021 (arXiv
2110.01052). "The risk at this threshold is above its level" is tested one threshold after the
other from the safe end until a test first fails (fixed-sequence testing). The first threshold in
that order which is truly unsafe is passed with a probability of at most 1 - confidence, and no
later one is reached without it, so everything before the stop is safe at once, monotone or not.

The order must be fixed before any label is seen, and it is: it runs over every floating-point
number there is. Neighbours between which no judged score lies cut alike, so they share one test,
and going from one judged score to the next leaves no number out.

**Several risks.** Those with the same safe end are tested together: a threshold passes if the
greatest p-value does (union-intersection, at no price). Those with different safe ends are tested
from each end, at half of 1 - confidence each (Bonferroni); what both walks passed is safe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from secondpass.core.errors import GuaranteeError
from secondpass.thresholds.guarantee.p_values import (
    betting,
    binomial,
    fewest_queries,
    hoeffding_bentkus,
)
from secondpass.thresholds.guarantee.risk import Risk
from secondpass.thresholds.guarantee.threshold_grid import Losses, ThresholdGrid

if TYPE_CHECKING:
    from secondpass.thresholds.guarantee.risk import Floats

Bound = Literal["betting", "hoeffding-bentkus"]
_NEVER = 10_000_000  # queries; where more would be needed, none are enough
_AT_ONCE = 256  # testing this many cuts costs about as much as testing one


class RiskConstraint(NamedTuple):
    """A risk, and what it shall not exceed."""

    risk: Risk
    at_most: float


@dataclass(frozen=True, slots=True)
class Search:
    """Finds the safe cuts, see above.

    Attributes:
        grid: The judged queries, in an order that does not depend on their labels.
        losses: What each cut loses, for each risk that may be constrained, by its name.
        confidence: Of learn-then-test; None for conformal risk control.
        bound: The p-value of losses between 0 and 1; those of 0 or 1 have an exact one.
    """

    grid: ThresholdGrid
    losses: Mapping[str, Losses]
    confidence: float | None
    bound: Bound

    def safe(self, constraints: Sequence[RiskConstraint]) -> range:
        """The cuts that are safe for all risks at once, those that keep most first."""
        last = len(self.grid.scores) - 1
        level = self.level(constraints)
        down = [a for a in constraints if a.risk.safe == "drop"]
        up = [a for a in constraints if a.risk.safe == "keep"]
        first = self._walk(down, range(last + 1, -1, -1), level) if down else 0
        if up and first <= last:
            last = self._walk(up, range(last + 1), level)
        return range(first, last + 1)

    def level(self, constraints: Sequence[RiskConstraint]) -> float:
        """The level of each test."""
        ends = len({a.risk.safe for a in constraints})
        return 0.5 if self.confidence is None else (1 - self.confidence) / ends

    def p_values(self, constraint: RiskConstraint, cuts: Sequence[int], level: float) -> Floats:
        """P-values of "this risk is above its level" at some cuts, given in ascending order.

        For conformal risk control 0 where it is kept, 1 where not.
        """
        losses, n = self.losses[constraint.risk.name], self.grid.queries
        means = losses.means[np.asarray(cuts, dtype=np.intp)]
        if self.confidence is None:
            return np.where(means * n + 1 <= constraint.at_most * (n + 1) + 1e-9, 0.0, 1.0)
        if constraint.risk.binary:
            return binomial(means, n, constraint.at_most)
        if self.bound == "hoeffding-bentkus":
            return hoeffding_bentkus(means, n, constraint.at_most)
        return betting(losses.rows(cuts), constraint.at_most, level)

    def _walk(self, constraints: Sequence[RiskConstraint], order: range, level: float) -> int:
        """The last cut that passes before the first one that fails; one off the end if none does.

        Cuts that lose what their neighbour does share its test. Where a mean is above its level
        the p-value is set to 1, as any may be, so nothing beyond is computed.
        """
        losses = [self.losses[a.risk.name] for a in constraints]
        cuts = np.asarray(order)
        changed = np.any([one.changed for one in losses], axis=0)
        # a cut differs from the one before it in the walk, which downwards is the one above
        new = changed[cuts] if order.step > 0 else np.append(True, changed[cuts[:-1]])
        over = np.any(
            [one.means > a.at_most for one, a in zip(losses, constraints, strict=True)], axis=0
        )
        stop = int(np.argmax(over[cuts])) if over[cuts].any() else len(cuts)
        to_test = np.flatnonzero(new[:stop])
        for start in range(0, len(to_test), _AT_ONCE):
            part = cuts[to_test[start : start + _AT_ONCE]]
            rising = part[:: order.step].tolist()
            p = np.max([self.p_values(a, rising, level) for a in constraints], axis=0)
            fails = np.flatnonzero(p[:: order.step] > level)
            if len(fails):
                return int(part[fails[0]]) - order.step
        return order[0] + order.step * (stop - 1)


def infeasible_error(search: Search, constraints: Sequence[RiskConstraint]) -> GuaranteeError:
    """The error to raise where no cut is safe."""
    n = search.grid.queries
    # the last cut keeps nothing, and promising that is of no use
    means = np.stack([search.losses[one.risk.name].means[:-1] for one in constraints])
    promise = describe(constraints, search.confidence)
    sentences = [f"{promise} cannot be promised from {n} judged queries"]
    fewest = _fewest_queries(search, constraints)
    if n < fewest:
        sentences.append(f"it takes {fewest} at least, even where no loss is ever seen")
    best = {c.risk.name: _best_level(search, constraints, i) for i, c in enumerate(constraints)}
    could = [f"{name} at most {value:g}" for name, value in best.items() if value is not None]
    rest = " (each with the others as asked)" if len(constraints) > 1 else ""
    if could:
        sentences.append(f"the best that could be promised is {' or '.join(could)}{rest}")
    needed = _more_queries(search, constraints, means)
    if needed is None:
        sentences.append(_why_never(search, constraints, means))
    else:
        sentences.append(
            f"at the losses seen here, about {needed} more judged queries would be enough"
        )
    return GuaranteeError("; ".join(sentences), best, needed)


def describe(constraints: Sequence[RiskConstraint], confidence: float | None) -> str:
    """The constraints in words."""
    risks = " and ".join(f"{a.risk.name} at most {a.at_most:g}" for a in constraints)
    sure = "on average" if confidence is None else f"with confidence {confidence:g}"
    return f"{risks} {sure}"


def _fewest_queries(search: Search, constraints: Sequence[RiskConstraint]) -> int:
    strictest = min(one.at_most for one in constraints)
    if search.confidence is None:
        return int(np.ceil(1 / strictest - 1 - 1e-9))
    return fewest_queries(strictest, search.level(constraints))


def _best_level(search: Search, constraints: Sequence[RiskConstraint], which: int) -> float | None:
    """The least level of one risk that could be promised, with the others as they are."""
    low, high = int(constraints[which].at_most * 1000), 1000
    while high - low > 1:
        middle = (low + high) // 2
        tried = [
            RiskConstraint(one.risk, middle / 1000) if i == which else one
            for i, one in enumerate(constraints)
        ]
        low, high = (low, middle) if search.safe(tried) else (middle, high)
    return high / 1000 if high < 1000 else None


def _more_queries(
    search: Search, constraints: Sequence[RiskConstraint], means: Floats
) -> int | None:
    """Number of further queries, if the mean losses (risks, cuts) stay; None if never enough."""
    n, level = search.grid.queries, search.level(constraints)

    def enough(queries: int) -> bool:
        passes = np.ones(means.shape[1], dtype=bool)
        for one, mean in zip(constraints, means, strict=True):
            if search.confidence is None:
                passes &= mean * queries + 1 <= one.at_most * (queries + 1)
            else:
                p_value = binomial if one.risk.binary else hoeffding_bentkus
                passes &= p_value(mean, queries, one.at_most) <= level
        return bool(passes.any())

    high = n
    while not enough(high):
        high *= 2
        if high > _NEVER:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return max(high - n, 1)


def _why_never(search: Search, constraints: Sequence[RiskConstraint], means: Floats) -> str:
    if all(one.risk.safe == "keep" for one in constraints):
        lost = " and ".join(
            f"{one.risk.name} {mean[0]:.3g}" for one, mean in zip(constraints, means, strict=True)
        )
        return (
            "at the losses seen here no number of queries would be enough, since not even keeping "
            f"everything that the pipeline returns is safe ({lost} was seen): it "
            "loses too much before its end"
        )
    levels = np.array([[one.at_most] for one in constraints])
    closest = int(np.argmin((means / levels).max(axis=0)))
    seen = " and ".join(
        f"{one.risk.name} {mean[closest]:.3g}" for one, mean in zip(constraints, means, strict=True)
    )
    return (
        "at the losses seen here no number of queries would be enough, since no threshold "
        f"comes near: the closest, {search.grid.scores[closest]:.3g}, was seen to have "
        f"{seen}; a better ranking is needed"
    )
