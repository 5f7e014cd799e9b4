"""Calibration: what turns a model's raw scores into probabilities of relevance."""

from secondpass.calibrate.beta import Beta
from secondpass.calibrate.by_rank import ByRank
from secondpass.calibrate.isotonic import Isotonic
from secondpass.calibrate.judged import Judged, read_judged
from secondpass.calibrate.platt import Platt
from secondpass.calibrate.quality import brier_score, expected_calibration_error
from secondpass.calibrate.stage import Calibrate, CalibrateOrder, Calibrator, calibrated
from secondpass.calibrate.temperature import Temperature

__all__ = [
    "Beta",
    "ByRank",
    "Calibrate",
    "CalibrateOrder",
    "Calibrator",
    "Isotonic",
    "Judged",
    "Platt",
    "Temperature",
    "brier_score",
    "calibrated",
    "expected_calibration_error",
    "read_judged",
]
