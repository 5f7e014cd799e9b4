"""Choosing from labels: where to cut, so that a stated goal is met."""

from secondpass.thresholds.choose import choose_threshold
from secondpass.thresholds.evidence import ChosenThreshold, ThresholdEvidence
from secondpass.thresholds.goals import BestF, Goal, PrecisionAtLeast, RecallAtLeast, TokensAtMost
from secondpass.thresholds.operating_points import CurvePoint, Outcome

__all__ = [
    "BestF",
    "ChosenThreshold",
    "CurvePoint",
    "Goal",
    "Outcome",
    "PrecisionAtLeast",
    "RecallAtLeast",
    "ThresholdEvidence",
    "TokensAtMost",
    "choose_threshold",
]
