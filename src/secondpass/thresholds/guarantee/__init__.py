"""A threshold with a promise: how much is missed, or how much noise is kept, at most."""

from secondpass.thresholds.guarantee._guaranteed import guaranteed
from secondpass.thresholds.guarantee.guarantee import Guarantee, Promise
from secondpass.thresholds.guarantee.risk import Counts, Risk, missed, noise, unanswered
from secondpass.thresholds.guarantee.stage import GuaranteedThreshold

__all__ = [
    "Counts",
    "Guarantee",
    "GuaranteedThreshold",
    "Promise",
    "Risk",
    "guaranteed",
    "missed",
    "noise",
    "unanswered",
]
