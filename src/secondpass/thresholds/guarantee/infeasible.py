"""Why nothing can be promised, what could be, and how many more queries it would take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from secondpass.core.errors import GuaranteeError
from secondpass.thresholds.guarantee.p_values import binomial, fewest_queries, hoeffding_bentkus
from secondpass.thresholds.guarantee.risk_control import RiskConstraint, Search

if TYPE_CHECKING:
    from secondpass.thresholds.guarantee.risk import Floats

_NEVER = 10_000_000


def shortfall(search: Search, asked: Sequence[RiskConstraint]) -> GuaranteeError:
    """The error to raise where no cut is safe."""
    n = search.cuts.queries
    # the last cut keeps nothing, and promising that is of no use
    means = np.stack([search.losses[one.risk.name].means[:-1] for one in asked])
    said = [f"{wish(asked, search.confidence)} cannot be promised from {n} judged queries"]
    fewest = _fewest(search, asked)
    if n < fewest:
        said.append(f"it takes {fewest} at least, even where no loss is ever seen")
    best = {one.risk.name: _best(search, asked, i) for i, one in enumerate(asked)}
    could = [f"{name} at most {value:g}" for name, value in best.items() if value is not None]
    rest = " (each with the others as asked)" if len(asked) > 1 else ""
    if could:
        said.append(f"the best that could be promised is {' or '.join(could)}{rest}")
    needed = _needed(search, asked, means)
    if needed is None:
        said.append(_hopeless(search, asked, means))
    else:
        said.append(f"at the losses seen here, about {needed} more judged queries would be enough")
    return GuaranteeError("; ".join(said), best, needed)


def wish(asked: Sequence[RiskConstraint], confidence: float | None) -> str:
    """What is asked for, in words."""
    risks = " and ".join(f"{a.risk.name} at most {a.at_most:g}" for a in asked)
    sure = "on average" if confidence is None else f"with confidence {confidence:g}"
    return f"{risks} {sure}"


def _fewest(search: Search, asked: Sequence[RiskConstraint]) -> int:
    strictest = min(one.at_most for one in asked)
    if search.confidence is None:
        return int(np.ceil(1 / strictest - 1 - 1e-9))
    return fewest_queries(strictest, search.level(asked))


def _best(search: Search, asked: Sequence[RiskConstraint], which: int) -> float | None:
    """The least level of one risk that could be promised, the others as asked; in thousandths."""
    low, high = int(asked[which].at_most * 1000), 1000
    while high - low > 1:
        middle = (low + high) // 2
        wished = [
            RiskConstraint(one.risk, middle / 1000) if i == which else one
            for i, one in enumerate(asked)
        ]
        low, high = (low, middle) if search.safe(wished) else (middle, high)
    return high / 1000 if high < 1000 else None


def _needed(search: Search, asked: Sequence[RiskConstraint], means: Floats) -> int | None:
    """How many more queries, if the mean losses (risks, cuts) stay; None if none are enough."""
    n, level = search.cuts.queries, search.level(asked)

    def enough(queries: int) -> bool:
        passes = np.ones(means.shape[1], dtype=bool)
        for one, mean in zip(asked, means, strict=True):
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


def _hopeless(search: Search, asked: Sequence[RiskConstraint], means: Floats) -> str:
    if all(one.risk.safe == "keep" for one in asked):
        lost = " and ".join(
            f"{one.risk.name} {mean[0]:.3g}" for one, mean in zip(asked, means, strict=True)
        )
        return (
            "at the losses seen here no number of queries would be enough, since not even keeping "
            f"everything that the pipeline returns is safe ({lost} was seen): it "
            "loses too much before its end"
        )
    levels = np.array([[one.at_most] for one in asked])
    closest = int(np.argmin((means / levels).max(axis=0)))
    seen = " and ".join(
        f"{one.risk.name} {mean[closest]:.3g}" for one, mean in zip(asked, means, strict=True)
    )
    return (
        "at the losses seen here no number of queries would be enough, since no threshold "
        f"comes near: the closest, {search.cuts.scores[closest]:.3g}, was seen to have "
        f"{seen}; a better ranking is needed"
    )
