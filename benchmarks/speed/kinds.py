"""docs/speed.md: what every kind of processor reached, side by side, then each kind's own page."""

from __future__ import annotations

import json
from pathlib import Path

from speed.machine import INSTRUCTIONS, KINDS
from speed.page import table
from speed.roster import DEFAULT
from speed.targets import Results, ratios, rows

COMMAND = f"grep -owE '{'|'.join(INSTRUCTIONS)}' /proc/cpuinfo | sort -u"


def stored_results(folder: Path) -> list[Results]:
    """One per kind that was measured, in the order of `KINDS`."""
    paths = [folder / f"speed-{kind}.json" for kind in KINDS]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def render_kinds(measured: list[Results]) -> str:
    """The page's beginning: how to tell which processor one has, and the table."""
    kinds = [results["machine"]["kind"] for results in measured]
    missing = [text for kind, text in KINDS.items() if kind not in kinds and kind != "other"]
    parts = [
        "# Speed",
        "What to expect depends on the processor more than on anything else: the instructions that "
        "it has for products of matrices. Which are yours:",
        f"```bash\n{COMMAND}\n```",
        "Short passages (BM25 top 100 of trec-dl19), the same weights and texts and threads for "
        f"all, medians; times: compared with {DEFAULT} in the same run. Measured by `make bench`, "
        "which keeps one result for each kind of processor.",
        _side_by_side(measured),
        *(f"{_heading(results)}: {_machine(results)}." for results in measured),
    ]
    if missing:
        parts.append(f"Not measured yet: {'; '.join(missing)}. `make bench` on one adds it here.")
    return "\n\n".join(parts) + "\n"


def render_kind(results: Results, page: str) -> str:
    """One kind's page (`speed-KIND.md`) as a part of the whole: headings one level down."""
    body = page.split("\n", 1)[1].replace("\n## ", "\n### ")
    plot = f"![pairs a second, and the wait for ten candidates](figures/speed-{_kind(results)}.png)"
    return f"## {_heading(results)}\n\n{plot}\n{body}"


def _side_by_side(measured: list[Results]) -> str:
    columns = ["contender"]
    for results in measured:
        columns += [f"{_heading(results)}, pairs/s", "times"]
    names = dict.fromkeys(name for results in measured for name in results["order"])
    lines = []
    for name in names:
        line = [name]
        for results in measured:
            row = rows(results, "short").get(name)
            times = ratios(results, "short", DEFAULT).get(name)
            line += [f"{row['pairs_per_second']:.0f}" if row else ""]
            line += [f"{times:.1f}" if times else ""]
        if any(line[1:]):
            lines.append(line)
    return table(columns, lines)


def _kind(results: Results) -> str:
    return str(results["machine"]["kind"])


def _heading(results: Results) -> str:
    return f"Processors {KINDS[_kind(results)]}"


def _machine(results: Results) -> str:
    of = results["machine"]
    return f"{of['threads']} threads of {of['processor']} ({', '.join(of['instructions'])})"
