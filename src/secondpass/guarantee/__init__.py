"""A threshold with a promise: how much is missed, or how much noise is kept, at most."""

from secondpass.guarantee.evidence import Guarantee, Promise
from secondpass.guarantee.guaranteed import guaranteed
from secondpass.guarantee.risk import Counts, Risk, missed, noise, unanswered
from secondpass.guarantee.threshold import GuaranteedThreshold

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
