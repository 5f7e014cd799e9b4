"""Eight queries at the same moment, as a service gets them: each contender its best way."""

from __future__ import annotations

from statistics import median
from typing import Any

from speed.arena import Arena
from speed.sizes import Sizes

WAYS = ("in turn", "threads", "at once")
"""One query after the other; a thread each; all in one call, for those who have such a call."""


def eight(arena: Arena, sizes: Sizes) -> dict[str, Any]:
    lists = arena.workloads["eight"]
    pairs = sum(len(one["texts"]) for one in lists)
    rates: dict[str, dict[str, list[float]]] = {}
    for _ in range(sizes.eight_rounds):
        for way in WAYS:
            for who in arena.present():
                if way == "at once" and not who.ours:
                    continue
                job = {"do": "many", "workload": "eight", "way": way, "threads": arena.threads}
                done = arena.ask(who, job)
                if done is not None and done["seconds"]:
                    of = rates.setdefault(who.name, {}).setdefault(way, [])
                    of.append(pairs / done["seconds"])
    rows: dict[str, dict[str, Any]] = {}
    for name, ways in rates.items():
        best = max(ways, key=lambda way: median(ways[way]))
        rows[name] = {
            "way": best,
            "pairs_per_second": round(median(ways[best]), 1),
            "rounds": [round(r, 3) for r in ways[best]],
            "ways": {way: round(median(of), 1) for way, of in ways.items()},
        }
    return {"rows": rows, "pairs": pairs}
