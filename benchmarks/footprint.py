"""What it costs to have secondpass around: import, cold start, memory, installed size.

    python benchmarks/footprint.py

Each figure is the median of fresh processes, next to an empty interpreter's. Writes
benchmarks/results/footprint.json and footprint.md.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

RESULTS = Path(__file__).parent / "results"

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


def fresh(code: str) -> tuple[float, float, float]:
    """Seconds inside, seconds of the whole process, and peak megabytes of one new process."""
    import time

    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", RUN, code], check=True, capture_output=True, text=True
    )
    whole = time.perf_counter() - start
    inside, peak = map(float, done.stdout.split())
    return inside, whole, peak


def median(code: str, runs: int) -> dict[str, float]:
    fresh(code)  # fills the disk cache
    taken = [fresh(code) for _ in range(runs)]
    names = ("seconds_inside", "seconds_process", "peak_mb")
    return {name: round(statistics.median(t[i] for t in taken), 4) for i, name in enumerate(names)}


def main() -> None:
    figures = {
        "empty interpreter": median("pass", 15),
        "import secondpass": median(IMPORT, 15),
        "new process to 10 passages reranked": median(COLD, 7),
        "1,000 candidates of 300 words": median(MANY % (1000, 1000), 1),
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
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "footprint.json").write_text(json.dumps(report, indent=2) + "\n")
    lines = [
        f"Medians of new processes; {report['machine']}. `{report['command']}`",
        "",
        "| | seconds, process | seconds, inside | peak MB |",
        "|---|---|---|---|",
        *(
            f"| {name} | {f['seconds_process']:.3f} | {f['seconds_inside']:.3f} | "
            f"{f['peak_mb']:.0f} |"
            for name, f in figures.items()
        ),
        "",
        f"`import secondpass` takes {1000 * extra:.0f} ms more than an empty interpreter.",
    ]
    (RESULTS / "footprint.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
