"""What the page says of one contender besides the comparison."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.calibrate.report import CalibrationReport
from secondpass.core.short_repr import short_repr
from secondpass.evaluate import DepthCurve
from secondpass.report.examples import Case
from secondpass.report.slider import LabelledScores


@short_repr
@dataclass(frozen=True, slots=True)
class Omitted:
    """A section that is not there, and why, for people."""

    reason: str


@short_repr
@dataclass(frozen=True, slots=True)
class ContenderParts:
    """One contender's sections.

    Attributes:
        helped: The queries that gained most, best first.
        hurt: The queries that lost most, worst first.
        depth: Quality and latency against depth.
        calibration: Before and after calibration.
        threshold: What each threshold keeps.
        scored: Name of what gave the scores of the last two: the pipeline without the cuts at its
            end.
    """

    helped: tuple[Case, ...]
    hurt: tuple[Case, ...]
    depth: DepthCurve | Omitted
    calibration: CalibrationReport | Omitted
    threshold: LabelledScores | Omitted
    scored: str
