"""What the page shows besides the comparison: each contender's sections, and how it was made."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from secondpass.calibrate.report import CalibrationReport
from secondpass.core.printing import short_repr
from secondpass.evaluate import DepthCurve
from secondpass.report.examples import Case
from secondpass.report.slider import LabelledScores

_PACKAGES = ("secondpass", "numpy", "onnxruntime", "ir-measures", "scikit-learn")


@short_repr
@dataclass(frozen=True, slots=True)
class Omitted:
    """A section that is left out, and why, as a sentence."""

    reason: str


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class ContenderParts:
    """One contender's sections.

    Attributes:
        improved: The queries that gained most, best first.
        worsened: The queries that lost most, worst first.
        depth: Quality and latency against depth.
        calibration: Before and after calibration.
        threshold: What each threshold keeps.
        scored: Name of what gave the scores of the last two: the pipeline without the cuts at its
            end.
    """

    improved: tuple[Case, ...]
    worsened: tuple[Case, ...]
    depth: DepthCurve | Omitted
    calibration: CalibrationReport | Omitted
    threshold: LabelledScores | Omitted
    scored: str


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """How a report was made, so that it can be made again.

    Attributes:
        command: The command line; None if it was made from Python.
        seed: Of bootstrap and test.
        date: As it is shown; None for a page that does not depend on the day.
        machine: Where the times were measured.
        versions: Of the packages that matter, Python first.
    """

    command: str | None
    seed: int
    date: str | None
    machine: str
    versions: tuple[tuple[str, str], ...]

    @classmethod
    def here(cls, command: str | None, seed: int, date: str | None) -> Provenance:
        """On this machine, with the packages that are installed."""
        versions = [("Python", platform.python_version())]
        for name in _PACKAGES:
            try:
                versions.append((name, version(name)))
            except PackageNotFoundError:  # a source tree that is not installed
                continue
        return cls(
            command=command,
            seed=seed,
            date=date,
            machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
            versions=tuple(versions),
        )
