"""What it costs to have secondpass around: import, cold start, memory, installed size.

    python benchmarks/footprint.py

Each figure is the median of fresh processes, next to an empty interpreter's. Writes
benchmarks/results/footprint.json and footprint.md.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from typing import Any

from results_file import markdown_table, parser, write_results

RUNS = 15

IMPORT = "import secondpass"
COLD = """
from secondpass import rerank
ranking = rerank("how do plants make food", [
    "Photosynthesis turns light, water and carbon dioxide into sugar, in the leaves of plants. "
    "It happens in chloroplasts, whose chlorophyll makes them green, passage %d." % i
    for i in range(10)])
assert ranking.scale == "probability"
"""
MANY = """
import random
from secondpass import load, Ranking
words = "time year people way day man thing woman life child world school state family".split()
g = random.Random(0)
docs = [" ".join(g.choices(words, k=300)) for _ in range(%d)]
assert len(load("builtin")(Ranking.of("school life of a child", docs))) == %d
"""
RUN = """
import resource, sys, time
start = time.perf_counter()
exec(sys.argv[1])
seconds = time.perf_counter() - start
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__).parse_args(arguments)
    figures = {
        "empty interpreter": medians("pass", RUNS),
        "import secondpass": medians(IMPORT, RUNS),
        "new process to 10 passages reranked": medians(COLD, max(1, RUNS // 2)),
        "1,000 candidates of 300 words": medians(MANY % (1000, 1000), 1),
    }
    imported = figures["import secondpass"]["seconds_process"]
    extra = imported - figures["empty interpreter"]["seconds_process"]
    report = {
        "command": "python benchmarks/footprint.py",
        "machine": f"{platform.system()}, {os.cpu_count()} processors, Python "
        f"{platform.python_version()}",
        "import_ms_more_than_an_empty_interpreter": round(1000 * extra, 1),
        "figures": figures,
    }
    write_results("footprint", report, page(report), options.results)


def run_in_new_process(code: str) -> tuple[float, float, float]:
    """Seconds inside, seconds of the whole process, and peak megabytes."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", RUN, code], check=True, capture_output=True, text=True
    )
    whole = time.perf_counter() - start
    inside, peak = map(float, done.stdout.split())
    return inside, whole, peak


def medians(code: str, runs: int) -> dict[str, float]:
    run_in_new_process(code)  # fills the disk cache
    columns = zip(*(run_in_new_process(code) for _ in range(runs)), strict=True)
    names = ("seconds_inside", "seconds_process", "peak_mb")
    return {
        name: round(statistics.median(values), 4)
        for name, values in zip(names, columns, strict=True)
    }


def page(report: dict[str, Any]) -> list[str]:
    rows = [
        [name, f"{f['seconds_process']:.3f}", f"{f['seconds_inside']:.3f}", f"{f['peak_mb']:.0f}"]
        for name, f in report["figures"].items()
    ]
    return [
        f"Medians of new processes; {report['machine']}. `{report['command']}`",
        "",
        *markdown_table(["", "seconds, process", "seconds, inside", "peak MB"], rows),
        "",
        f"`import secondpass` takes {report['import_ms_more_than_an_empty_interpreter']:.0f} ms "
        "more than an empty interpreter.",
    ]


if __name__ == "__main__":
    main()
