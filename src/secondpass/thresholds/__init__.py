"""Where to cut: a threshold chosen from labels for a goal, or with a guarantee."""

from secondpass.thresholds.choose import choose_threshold
from secondpass.thresholds.evidence import ThresholdEvidence
from secondpass.thresholds.goals import BestF, Goal, PrecisionAtLeast, RecallAtLeast, TokensAtMost
from secondpass.thresholds.guarantee import (
    Guarantee,
    GuaranteedThreshold,
    KeptAndDropped,
    RiskBound,
)
from secondpass.thresholds.operating_points import CurvePoint, Outcome

__all__ = [
    "BestF",
    "CurvePoint",
    "Goal",
    "Guarantee",
    "GuaranteedThreshold",
    "KeptAndDropped",
    "Outcome",
    "PrecisionAtLeast",
    "RecallAtLeast",
    "RiskBound",
    "ThresholdEvidence",
    "TokensAtMost",
    "choose_threshold",
]
