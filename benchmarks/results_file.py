"""What a benchmark writes: its figures as JSON and its page as Markdown, under one name."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def parser(description: str | None) -> argparse.ArgumentParser:
    """A command line with --results, for a trial run that leaves the stored figures alone.

    Args:
        description: The docstring of the benchmark; its first line is shown.
    """
    made = argparse.ArgumentParser(description=(description or "").split("\n", maxsplit=1)[0])
    made.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    return made


def machine_load() -> dict[str, Any]:
    """The processor's name, how many there are, and how busy they were."""
    return {
        "processor": processor_name(),
        "processors": len(os.sched_getaffinity(0)),
        "load_average": os.getloadavg()[0],
    }


def processor_name() -> str:
    """As the system calls it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """The lines of a table; underscores in the head become spaces."""
    lines = [[str(cell).replace("_", " ") for cell in head], ["---"] * len(head)]
    lines += [[str(cell) for cell in row] for row in rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def write_results(
    name: str, report: Mapping[str, Any], lines: Sequence[str], folder: Path = RESULTS
) -> None:
    """Write `name`.json and `name`.md, and print the page."""
    folder.mkdir(parents=True, exist_ok=True)
    page = "\n".join(lines) + "\n"
    (folder / f"{name}.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (folder / f"{name}.md").write_text(page, encoding="utf-8")
    print(page)
