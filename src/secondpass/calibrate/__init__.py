"""Calibration: what turns a model's raw scores into probabilities of relevance."""

from secondpass.calibrate._calibrated import calibrated
from secondpass.calibrate.adapt import adapted
from secondpass.calibrate.methods.beta import Beta
from secondpass.calibrate.methods.by_rank import ByRank
from secondpass.calibrate.methods.isotonic import Isotonic
from secondpass.calibrate.methods.platt import Platt
from secondpass.calibrate.methods.temperature import Temperature
from secondpass.calibrate.metrics.brier import BrierDecomposition, brier_decomposition, brier_score
from secondpass.calibrate.metrics.ece import (
    class_balanced_calibration_error,
    expected_calibration_error,
)
from secondpass.calibrate.metrics.log_loss import log_loss
from secondpass.calibrate.metrics.reliability import ReliabilityPoint, reliability_curve
from secondpass.calibrate.metrics.summary import CalibrationMetrics
from secondpass.calibrate.model_selection import MethodChoice
from secondpass.calibrate.prior_shift import PriorShift
from secondpass.calibrate.stages import Calibrate, CalibrateOrder, Calibrator
from secondpass.core.judged import JudgedQuery, read_judged

__all__ = [
    "Beta",
    "BrierDecomposition",
    "ByRank",
    "Calibrate",
    "CalibrateOrder",
    "CalibrationMetrics",
    "Calibrator",
    "Isotonic",
    "JudgedQuery",
    "MethodChoice",
    "Platt",
    "PriorShift",
    "ReliabilityPoint",
    "Temperature",
    "adapted",
    "brier_decomposition",
    "brier_score",
    "calibrated",
    "class_balanced_calibration_error",
    "expected_calibration_error",
    "log_loss",
    "read_judged",
    "reliability_curve",
]
