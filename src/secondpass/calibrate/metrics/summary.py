"""How good probabilities are: all of the measures at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secondpass.calibrate.metrics.brier import BrierDecomposition, brier_decomposition
from secondpass.calibrate.metrics.ece import (
    class_balanced_calibration_error,
    expected_calibration_error,
)
from secondpass.calibrate.metrics.log_loss import log_loss
from secondpass.calibrate.metrics.reliability import ReliabilityPoint, reliability_curve
from secondpass.core.short_repr import short_repr


@short_repr
@dataclass(frozen=True, slots=True)
class CalibrationMetrics:
    """What probabilities are worth on labelled pairs. Lower is better in all but `resolution`.

    Attributes:
        log_loss: See `log_loss`; in nats.
        expected_calibration_error: See the function of this name; in [0, 1].
        class_balanced_calibration_error: See the function of this name; in [0, 1].
        brier: See `BrierDecomposition`; `brier_score` is their sum.
        base_rate: Share of relevant pairs.
        mean_probability: What was stated on average; the base rate if calibrated.
        curve: See `reliability_curve`.
    """

    log_loss: float
    expected_calibration_error: float
    class_balanced_calibration_error: float
    brier: BrierDecomposition
    base_rate: float
    mean_probability: float
    curve: tuple[ReliabilityPoint, ...]

    @classmethod
    def of(cls, probabilities: Sequence[float], labels: Sequence[bool | int]) -> CalibrationMetrics:
        """Measure.

        Raises:
            InvalidInputError: One class only, or see `expected_calibration_error`.
        """
        return cls(
            log_loss(probabilities, labels),
            expected_calibration_error(probabilities, labels),
            class_balanced_calibration_error(probabilities, labels),
            brier_decomposition(probabilities, labels),
            sum(labels) / len(labels),
            sum(probabilities) / len(probabilities),
            reliability_curve(probabilities, labels),
        )

    @property
    def brier_score(self) -> float:
        """See `brier_score`."""
        return self.brier.score
