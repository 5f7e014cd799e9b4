"""Tokens a second of ours from ten candidates to ten thousand: flat, or something piles up."""

from __future__ import annotations

from statistics import median
from typing import Any

from rounds import spread

from speed.arena import Arena
from speed.sizes import Sizes


def depth(arena: Arena, sizes: Sizes) -> dict[str, Any]:
    rates: dict[str, dict[str, list[float]]] = {}
    rounds = min(2, sizes.rounds)
    for number in range(rounds):
        for count, _ in sizes.depths:
            if count >= 5000 and number:
                continue  # minutes long: noise averages out within it
            for who in arena.present(ours=True):
                if not who.same_weights:
                    continue
                lists = arena.workloads[f"depth {count}"]
                arena.tell(f"  depth {count}, {who.name}")
                job = {"do": "rank", "workload": f"depth {count}"}
                done = arena.ask(who, job | {"lists": list(range(len(lists)))})
                if done is not None:
                    rate = sum(one["tokens"] for one in lists) / sum(done["seconds"])
                    of = rates.setdefault(who.name, {}).setdefault(str(count), [])
                    of.append(rate)
    rows: dict[str, dict[str, Any]] = {}
    for name, depths in rates.items():
        medians = {count: round(median(of)) for count, of in depths.items()}
        rows[name] = {
            "tokens_per_second": medians,
            "spread": round(spread(list(medians.values())), 4),
        }
    return {"rows": rows, "depths": [count for count, _ in sizes.depths]}
