"""Thresholds with a guarantee: how much is missed, or how much noise is kept, at most."""

from secondpass.thresholds.guarantee._guaranteed import guaranteed
from secondpass.thresholds.guarantee.guarantee import Guarantee, GuaranteedThreshold, RiskBound
from secondpass.thresholds.guarantee.risk import KeptAndDropped, Risk, missed, noise, unanswered

__all__ = [
    "Guarantee",
    "GuaranteedThreshold",
    "KeptAndDropped",
    "Risk",
    "RiskBound",
    "guaranteed",
    "missed",
    "noise",
    "unanswered",
]
