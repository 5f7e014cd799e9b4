"""The report as a value, and as a file."""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secondpass.calibrate.plots import reliability_diagram
from secondpass.calibrate.report import CalibrationReport
from secondpass.core.errors import InvalidInputError
from secondpass.core.short_repr import short_repr
from secondpass.evaluate import Comparison, DepthCurve
from secondpass.report.headroom_bar import Segment, room_bar
from secondpass.report.provenance import Provenance
from secondpass.report.render import markup, rendered
from secondpass.report.sections import ContenderParts, Omitted
from secondpass.report.svg import inline_svg

SECTIONS = {
    "headline": "Figures",
    "recall": "Recall first",
    "depth": "Depth",
    "queries": "Queries",
    "calibration": "Calibration",
    "threshold": "Threshold",
    "made": "How it was made",
}
"""Titles of the sections, in the page's order."""
OMITTED = {"depth": "depth curve", "calibration": "calibration", "threshold": "threshold"}
"""What a contender may lack, by the section that shows it; one that no contender has is left out,
and the last section says why."""


@short_repr
@dataclass(frozen=True, slots=True)
class Report:
    """What `report` found: `.write("report.html")`, or read the parts.

    Attributes:
        comparison: Contenders against the baseline.
        parts: What else there is of each contender, by name.
        made: How.
    """

    comparison: Comparison
    parts: Mapping[str, ContenderParts]
    made: Provenance

    def html(self) -> str:
        """The whole page; it loads nothing from anywhere.

        Raises:
            MissingExtraError: jinja2 or matplotlib is not installed.
        """
        compared = self.comparison
        several = enumerate(self.parts.items(), start=1)
        omitted = self._omitted()
        return rendered(
            {
                "compared": compared,
                "collection": compared.baseline.collection,
                "metric": compared.headroom.metric,
                "contenders": [self._contender(n, name, p) for n, (name, p) in several],
                "made": self.made,
                "sections": {key: title for key, title in SECTIONS.items() if key not in omitted},
                "omitted": omitted.values(),
            }
        )

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the page.

        Raises:
            InvalidInputError: The file cannot be written.
            MissingExtraError: jinja2 or matplotlib is not installed.
        """
        text = self.html()
        try:
            Path(path).write_text(text, encoding="utf-8", errors="replace")
        except OSError as error:
            raise InvalidInputError(f"cannot write {os.fspath(path)}: {error}") from error

    def _omitted(self) -> dict[str, tuple[str, str]]:
        """What each section that would be empty lacks, and why; by the section's key."""
        every = self.parts.values()
        omitted = {}
        for key, what in OMITTED.items():
            reasons = [getattr(parts, key) for parts in every]
            if all(isinstance(reason, Omitted) for reason in reasons):
                omitted[key] = (what, " ".join(dict.fromkeys(r.reason for r in reasons)))
        if not any(parts.helped or parts.hurt for parts in every):
            moved = sum(d.wins + d.losses for d in map(self.comparison.difference, self.parts))
            why = "No example was asked for." if moved else "Every query is as it was."
            omitted["queries"] = ("query that moved", why)
        return omitted

    def _contender(self, number: int, name: str, parts: ContenderParts) -> dict[str, Any]:
        key = f"c{number}"  # ids are ours: a name may hold anything
        return {
            "key": key,
            "name": name,
            "parts": parts,
            "first": self.comparison.difference(name),
            "differences": [d for d in self.comparison.differences if d.contender == name],
            "latency": self.comparison.contenders[name].latency,
            "closed": self.comparison.closed(name),
            "room": self._room(name),
            "depth": _missing(parts.depth) or _depth(parts.depth, key),
            "calibration": _missing(parts.calibration) or _calibration(parts.calibration, key),
            "threshold": _missing(parts.threshold) or {"labelled": parts.threshold},
        }

    def _room(self, name: str) -> tuple[Segment, ...]:
        room = self.comparison.headroom
        return room_bar(room, statistics.fmean(self.comparison.contenders[name].of(room.metric)))


def _missing(part: object) -> dict[str, Any] | None:
    return {"reason": part.reason} if isinstance(part, Omitted) else None


def _depth(curve: object, key: str) -> dict[str, Any]:
    assert isinstance(curve, DepthCurve)
    label = f"{curve.metric} and latency against the number of candidates. {curve.sentence}"
    svg = inline_svg(curve.figure(), f"{key}-depth", label, (6.0, 3.6))
    return {"curve": curve, "knee": curve.knee, "svg": markup(svg)}


def _calibration(report: object, key: str) -> dict[str, Any]:
    assert isinstance(report, CalibrationReport)
    after = f"after: {report.best.name}"
    curves = {after: report.best.quality.curve}
    if report.before:
        curves = {f"before: {report.before.name}": report.before.quality.curve} | curves
    label = "Stated probability against the observed share of relevant passages; " + ", ".join(
        curves
    )
    svg = inline_svg(reliability_diagram(curves, ""), f"{key}-reliability", label, (4.8, 4.6))
    return {"report": report, "best": report.best, "svg": markup(svg)}
