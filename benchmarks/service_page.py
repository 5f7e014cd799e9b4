"""What `service.py` measured, as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from results_file import markdown_table

Run = Mapping[str, Any]
HEAD = [
    "requests",
    "answered a second",
    "50 % ms",
    "95 % ms",
    "99 % ms",
    "the smallest: 95 %",
    "outcomes",
]


def row(run: Run) -> list[object]:
    """The cells of one run of callers."""
    by_size = run["milliseconds"]
    every, small = by_size.get("all", {}), by_size.get(min(by_size, key=_number), {})
    outcomes = ", ".join(f"{count} {kind}" for kind, count in sorted(run["outcomes"].items()))
    times = [every.get(name, "") for name in ("50", "95", "99")]
    return [run["requests"], run["answered_per_second"], *times, small.get("95", ""), outcomes]


def _number(size: str) -> float:
    return float(size) if size.isdigit() else float("inf")


def page(report: Run) -> list[str]:
    """Its lines."""
    closed = [[n, *row(run)] for n, run in report["closed_loop"].items()]
    lines = [
        "# The service under load",
        "",
        f"`{report['command']}`: {report['model']}, requests of {sorted(set(report['sizes']))} "
        f"documents of 20 to 140 words. {report['processor']}, {report['processors']} processors, "
        "callers on the same machine. Alone they take "
        + ", ".join(f"{n}: {ms} ms" for n, ms in report["alone_ms"].items())
        + ".",
        "",
        "Closed loop: each caller asks again when it was answered.",
        "",
        *markdown_table(["callers", *HEAD], closed),
        "",
        "Open loop: requests at Poisson times, whatever is answered.",
        "",
        *markdown_table(
            ["of what it can take", "requests a second", *HEAD],
            [[share, run["rate"], *row(run)] for share, run in report["open_loop"].items()]
            + [[3.0, report["overload"]["rate"], *row(report["overload"])]],
        ),
        "",
        "After the overload: "
        + ", ".join(f"{name.replace('_', ' ')} {v}" for name, v in report["recovery"].items())
        + ".",
        "",
        f"Memory: {report['megabytes'][1]} MB with one worker, {report['megabytes'][4]} MB with "
        "four (pages that they share count once).",
        "",
        "One of two workers killed under four callers: "
        f"{row(report['killed_worker'])[-1]}; replaced after "
        f"{report['killed_worker'].get('milliseconds_until_replaced')} ms.",
    ]
    if "soak" in report:
        run = report["soak"]
        lines += [
            "",
            f"{run['seconds']:g} seconds at {run['rate']:.2f} requests a second: {row(run)[-1]}; "
            f"megabytes {run['megabytes']}.",
        ]
    if "infinity" in report:
        lines += ["", "infinity-emb (torch) on the same weights, closed loop:", ""]
        lines += markdown_table(
            ["callers", *HEAD], [[n, *row(r)] for n, r in report["infinity"].items()]
        )
    return lines
