"""What a new process pays before its first result, and the most memory that it needs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secondpass.core.errors import ModelError

_CODE = """
import sys, time
start = time.perf_counter()
import secondpass
imported = time.perf_counter() - start
import json
task = json.load(sys.stdin)
stage = secondpass.Recipe.of_dict(task["recipe"]).stage()
stage(secondpass.Ranking.of(task["query"], task["texts"][:10]))
first = time.perf_counter() - start
stage(secondpass.Ranking.of(task["query"], task["texts"]))
peak = None
try:
    # the process's own high-water mark: that of resource begins with the parent's on Linux
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
except OSError:
    if sys.platform == "darwin":
        import resource
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps([imported, first, peak]))
"""


@dataclass(frozen=True, slots=True)
class ColdStart:
    """What a new process takes.

    Attributes:
        import_seconds: ``import secondpass``.
        first_result_seconds: From there to ten reranked texts: import, loading, and the work.
        peak_mb: The most memory that it held, reranking the deepest list of the longest texts;
            None where the system does not say.
    """

    import_seconds: float
    first_result_seconds: float
    peak_mb: float | None


def measure_cold_start(recipe: Mapping[str, Any], query: str, texts: Sequence[str]) -> ColdStart:
    """Start a new Python process and rerank.

    Args:
        recipe: `Recipe.to_dict()` of the stage.
        query: The query.
        texts: The candidates.

    Raises:
        ModelError: The process failed; holds the last line of its error output.
    """
    task = json.dumps({"recipe": recipe, "query": query, "texts": list(texts)})
    done = subprocess.run(
        [sys.executable, "-c", _CODE], input=task, capture_output=True, text=True, check=False
    )
    if done.returncode:
        errors = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise ModelError(f"the model failed in a new process: {errors[-1]}")
    import_seconds, first_result_seconds, peak_mb = json.loads(done.stdout.splitlines()[-1])
    return ColdStart(import_seconds, first_result_seconds, peak_mb)
