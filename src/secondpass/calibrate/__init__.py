"""Calibration: what turns a model's raw scores into probabilities of relevance."""

from secondpass.calibrate.adapt import adapted
from secondpass.calibrate.automatic import MethodChoice
from secondpass.calibrate.beta import Beta
from secondpass.calibrate.brier import BrierParts, brier_parts, brier_score
from secondpass.calibrate.by_rank import ByRank
from secondpass.calibrate.calibration_error import (
    class_balanced_calibration_error,
    expected_calibration_error,
)
from secondpass.calibrate.fit import calibrated
from secondpass.calibrate.isotonic import Isotonic
from secondpass.calibrate.judged import Judged, read_judged
from secondpass.calibrate.log_loss import log_loss
from secondpass.calibrate.platt import Platt
from secondpass.calibrate.prior_shift import PriorShift
from secondpass.calibrate.quality import Quality
from secondpass.calibrate.reliability import ReliabilityPoint, reliability_curve
from secondpass.calibrate.stage import Calibrate, CalibrateOrder, Calibrator
from secondpass.calibrate.temperature import Temperature

__all__ = [
    "Beta",
    "BrierParts",
    "ByRank",
    "Calibrate",
    "CalibrateOrder",
    "Calibrator",
    "Isotonic",
    "Judged",
    "MethodChoice",
    "Platt",
    "PriorShift",
    "Quality",
    "ReliabilityPoint",
    "Temperature",
    "adapted",
    "brier_parts",
    "brier_score",
    "calibrated",
    "class_balanced_calibration_error",
    "expected_calibration_error",
    "log_loss",
    "read_judged",
    "reliability_curve",
]
