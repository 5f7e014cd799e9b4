"""The report as a value, and as one HTML page; jinja2 escapes whatever comes from data."""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secondpass.calibrate.plots import reliability_diagram
from secondpass.calibrate.report import CalibrationReport
from secondpass.core.errors import InvalidInputError, MissingExtraError
from secondpass.core.printing import short_repr
from secondpass.evaluate import Comparison, DepthCurve
from secondpass.evaluate.comparison import format_p
from secondpass.report.sections import ContenderParts, Omitted, Provenance
from secondpass.report.svg import headroom_bar, inline_svg

try:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup
except ImportError as error:
    raise MissingExtraError("a report", "eval") from error

TEMPLATE = Path(__file__).parent / "template"
SHORT = 260
"""Characters of a passage before it is folded."""
SECTIONS = {
    "headline": "Figures",
    "recall": "Recall first",
    "depth": "Depth",
    "queries": "Queries",
    "calibration": "Calibration",
    "threshold": "Threshold",
    "provenance": "How it was made",
}
"""Titles of the sections, in the page's order."""
OMITTED = {"depth": "depth curve", "calibration": "calibration", "threshold": "threshold"}
"""What a contender may lack, by the section that shows it. A section that no contender has is left
out, and the last section says why."""


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What `report` measured: `.write("report.html")`, or read the parts.

    Attributes:
        comparison: Contenders against the baseline.
        parts: The other sections of each contender, by name.
        provenance: How it was made.
    """

    comparison: Comparison
    parts: Mapping[str, ContenderParts]
    provenance: Provenance

    def html(self) -> str:
        """The whole page; it loads nothing from anywhere.

        Raises:
            MissingExtraError: jinja2 or matplotlib is not installed.
        """
        numbered = enumerate(self.parts.items(), start=1)
        omitted = self._omitted()
        return _render(
            {
                "comparison": self.comparison,
                "collection": self.comparison.baseline.collection,
                "metric": self.comparison.headroom.metric,
                "contenders": [self._contender(n, name, p) for n, (name, p) in numbered],
                "provenance": self.provenance,
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
        for key, title in OMITTED.items():
            sections = [getattr(parts, key) for parts in every]
            if all(isinstance(section, Omitted) for section in sections):
                omitted[key] = (title, " ".join(dict.fromkeys(s.reason for s in sections)))
        if not any(parts.improved or parts.worsened for parts in every):
            differences = map(self.comparison.difference, self.parts)
            changed = any(d.wins + d.losses for d in differences)
            reason = "No examples were wanted." if changed else "Every query is as it was."
            omitted["queries"] = ("query that changed", reason)
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
            "gap_closed": self.comparison.gap_closed(name),
            "bar": headroom_bar(self.comparison.headroom, self._mean(name)),
            "depth": _reason(parts.depth) or _depth(parts.depth, key),
            "calibration": _reason(parts.calibration) or _calibration(parts.calibration, key),
            "threshold": _reason(parts.threshold) or {"labelled": parts.threshold},
        }

    def _mean(self, name: str) -> float:
        metric = self.comparison.headroom.metric
        return statistics.fmean(self.comparison.contenders[name].of(metric))


def _reason(part: object) -> dict[str, Any] | None:
    return {"reason": part.reason} if isinstance(part, Omitted) else None


def _depth(curve: object, key: str) -> dict[str, Any]:
    assert isinstance(curve, DepthCurve)
    label = f"{curve.metric} and latency against the number of candidates. {curve.sentence}"
    svg = inline_svg(curve.figure(), f"{key}-depth", label, (6.0, 3.6))
    return {"curve": curve, "knee": curve.knee, "svg": Markup(svg)}


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
    return {"report": report, "best": report.best, "svg": Markup(svg)}


def _render(values: dict[str, Any]) -> str:
    """Fill the template.

    Args:
        values: By name; strings are escaped, `Markup` is not.
    """
    env = Environment(
        loader=FileSystemLoader(TEMPLATE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.filters |= {
        "fixed": _fixed,
        "signed": _signed,
        "percent": _percent,
        "p": format_p,
        "ms": _ms,
    }
    css, script = (Markup((TEMPLATE / f).read_text("utf-8")) for f in ("page.css", "page.js"))
    return env.get_template("page.html").render(values, css=css, script=script, short=SHORT)


def _fixed(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"  # noqa: RUF001


def _signed(value: float | None, digits: int = 3) -> str:
    if value is None:
        return "–"  # noqa: RUF001
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _percent(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f}\N{NARROW NO-BREAK SPACE}%"  # noqa: RUF001


def _ms(seconds: float) -> str:
    milliseconds = 1000 * seconds
    return f"{milliseconds:.0f}" if milliseconds >= 10 else f"{milliseconds:.2g}"
