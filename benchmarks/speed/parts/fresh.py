"""What needs a new process: start to first answer, and peak memory."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

from speed.arena import LOAD_SECONDS, Arena
from speed.sizes import Sizes


def cold(arena: Arena, sizes: Sizes) -> dict[str, Any]:
    """From the start of a new process to the first answer for ten candidates; the disk is warm.

    The interpreter's own start is inside, and the same for all.
    """
    one = arena.workloads["ten"][0]
    taken: dict[str, list[dict[str, float]]] = {}
    for number in range(sizes.cold_runs + 1):  # the first fills the disk cache, and is left out
        arena.tell(f"  cold, start {number} of {sizes.cold_runs}")
        for who in arena.present():
            start = time.perf_counter()
            with arena.fresh(who, load=False) as process:
                if process is None:
                    continue
                done = process.ask(who.job(arena.folders, arena.threads), LOAD_SECONDS)
                arena.versions.setdefault(who.name, done["versions"])
                first = {"do": "first", "query": one["query"], "texts": one["texts"]}
                process.ask(first, arena.seconds)
                seconds = {"first_s": time.perf_counter() - start}
                seconds |= {key: done[key] for key in ("import_s", "load_s")}
                if number:
                    taken.setdefault(who.name, []).append(seconds)
    rows: dict[str, dict[str, Any]] = {}
    for name, runs in taken.items():
        rows[name] = {key: round(median(r[key] for r in runs), 3) for key in runs[0]}
        rows[name]["rounds"] = [round(r["first_s"], 4) for r in runs]
    return {"rows": rows, "runs": sizes.cold_runs}


def thousand(arena: Arena, sizes: Sizes) -> dict[str, Any]:
    """Peak memory of a new process after a tenth of the candidates, and after all of them."""
    rows: dict[str, dict[str, Any]] = {}
    for who in arena.present():
        arena.tell(f"  thousand, {who.name}")
        with arena.fresh(who) as process:
            if process is None:
                continue
            row = {"loaded_mb": process.ask({"do": "memory"}, arena.seconds)["peak_mb"]}
            for what, workload in (("tenth_mb", "hundred"), ("all_mb", "thousand")):
                job = {"do": "rank", "workload": workload, "lists": [0]}
                seconds = process.ask(job, arena.seconds)["seconds"][0]
                row[what] = process.ask({"do": "memory"}, arena.seconds)["peak_mb"]
            rows[who.name] = {key: round(value) for key, value in row.items()}
            rows[who.name]["seconds"] = round(seconds, 2)
    return {"rows": rows, "candidates": sizes.thousand, "tenth": max(1, sizes.thousand // 10)}
