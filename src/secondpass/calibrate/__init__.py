"""Calibration: what turns a model's raw scores into probabilities of relevance."""

from secondpass.calibrate._calibrated import CalibrationEvidence, calibrated
from secondpass.calibrate.cross_validation import MethodChoice
from secondpass.calibrate.learning_curve import LabelCurve, LabelPoint, label_learning_curve
from secondpass.calibrate.methods.beta import Beta
from secondpass.calibrate.methods.by_rank import ByRank
from secondpass.calibrate.methods.in_list import InList
from secondpass.calibrate.methods.isotonic import Isotonic
from secondpass.calibrate.methods.platt import Platt
from secondpass.calibrate.methods.temperature import Temperature
from secondpass.calibrate.metrics.brier import BrierDecomposition, brier_decomposition, brier_score
from secondpass.calibrate.metrics.calibration_error import (
    ReliabilityPoint,
    class_balanced_calibration_error,
    expected_calibration_error,
    reliability_curve,
)
from secondpass.calibrate.metrics.log_loss import log_loss
from secondpass.calibrate.report import (
    CalibrationMetrics,
    CalibrationReport,
    MethodReport,
    calibration_report,
)
from secondpass.calibrate.stages import (
    Calibrate,
    CalibrateInList,
    CalibrateOrder,
    CalibrationStage,
    Calibrator,
)
from secondpass.calibrate.transfer import Transfer, TransferTable, transfer_table
from secondpass.core.judged import Fitted, JudgedQuery, read_judged

__all__ = [
    "Beta",
    "BrierDecomposition",
    "ByRank",
    "Calibrate",
    "CalibrateInList",
    "CalibrateOrder",
    "CalibrationEvidence",
    "CalibrationMetrics",
    "CalibrationReport",
    "CalibrationStage",
    "Calibrator",
    "Fitted",
    "InList",
    "Isotonic",
    "JudgedQuery",
    "LabelCurve",
    "LabelPoint",
    "MethodChoice",
    "MethodReport",
    "Platt",
    "ReliabilityPoint",
    "Temperature",
    "Transfer",
    "TransferTable",
    "brier_decomposition",
    "brier_score",
    "calibrated",
    "calibration_report",
    "class_balanced_calibration_error",
    "expected_calibration_error",
    "label_learning_curve",
    "log_loss",
    "read_judged",
    "reliability_curve",
    "transfer_table",
]
