"""Choosing from labels: where to cut, so that a stated goal is met."""

from secondpass.choose.evidence import ChosenThreshold, ThresholdEvidence
from secondpass.choose.goals import BestF, Goal, PrecisionAtLeast, RecallAtLeast, TokensAtMost
from secondpass.choose.outcome import CurvePoint, Outcome
from secondpass.choose.threshold import choose_threshold

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
